import { describeRestoreFaults } from './restore-faults.ts'

describeRestoreFaults({ kills: 2, damaged: ['volumes'] })
