import { describeRestoreFaults } from './restore-faults.ts'

describeRestoreFaults(Number(process.env['LIFEBOAT_TEST_KILLS'] ?? 10))
