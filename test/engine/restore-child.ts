/**
 * A process of its own that restores a snapshot in place, for tests that kill it. Prints each step as a
 * line; with a word in LIFEBOAT_TEST_HOLD it stops, for ever, at the first step that contains it.
 *
 *   node restore-child.ts HOME STACK SNAPSHOT
 */
import { runRestore } from '../../src-main/engine/restore/restorer.ts'
import { openRepository } from '../../src-main/engine/store/repository.ts'
import { depsIn, holdAt, openLab, recordedJob } from './capture-support.ts'
import { inputOf } from './restore-support.ts'

const [folder = '', stack = '', snapshot = ''] = process.argv.slice(2)
const deps = depsIn(folder)
const host = await openLab(deps)
const repository = await openRepository(deps.paths.repository, { version: deps.version })
const job = recordedJob()
job.onStep = holdAt(process.env['LIFEBOAT_TEST_HOLD'])
const input = inputOf({ deps, host, repository, stack: { name: stack }, snapshot }, { job })
const outcome = await runRestore(input).catch((error: unknown) => {
  process.stdout.write(`failed ${error instanceof Error ? error.message : String(error)}\n`)
  return null
})
if (outcome !== null) process.stdout.write(`report ${JSON.stringify(outcome)}\n`)
await host.close()
