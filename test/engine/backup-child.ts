/**
 * A process of its own that backs up a stack, for tests that kill it. Prints each step as a line; with a
 * word in LIFEBOAT_TEST_HOLD it stops, for ever, at the first step that contains it.
 *
 *   node backup-child.ts HOME STACK
 */
import { backupStack } from '../../src-main/engine/runs/backup.ts'
import { openRepository } from '../../src-main/engine/store/repository.ts'
import { depsIn, holdAt, openLab, recordedJob } from './capture-support.ts'

const [folder = '', stack = ''] = process.argv.slice(2)
const deps = depsIn(folder)
const host = await openLab(deps)
const repository = await openRepository(deps.paths.repository, {
  create: true,
  version: deps.version,
})
const job = recordedJob()
job.onStep = holdAt(process.env['LIFEBOAT_TEST_HOLD'])
process.on('SIGTERM', () => job.controller.abort())
const report = await backupStack({ deps, host, stack, repository, job }).catch((error: unknown) => {
  process.stdout.write(`failed ${error instanceof Error ? error.message : String(error)}\n`)
  return null
})
if (report !== null) process.stdout.write(`report ${JSON.stringify(report)}\n`)
await host.close()
