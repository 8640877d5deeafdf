import { describeRestoreFaults } from './restore-faults.ts'

describeRestoreFaults({
  kills: Number(process.env['LIFEBOAT_TEST_KILLS'] ?? 10),
  damaged: ['volumes', 'databases/postgres'],
})
