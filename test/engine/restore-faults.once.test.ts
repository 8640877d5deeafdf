import { describeRestoreFaults } from './restore-faults.ts'

describeRestoreFaults({ kills: 1, damaged: ['volumes'] })
