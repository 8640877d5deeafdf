import { AppError } from '../../contract/errors.ts'
import { databaseById } from '../databases/index.ts'
import { driverContext } from './driver-context.ts'
import type { RestoreRun } from './run-context.ts'
import type { KnownContainer } from './services.ts'

/** A new server makes its data folder first, which takes a while on a slow disk. */
const READY_LIMIT_MS = 5 * 60_000

/** Waits until the servers that databases are loaded into answer, and asks what speaks against loading them. */
export async function awaitServers(
  run: RestoreRun,
  serving: readonly KnownContainer[],
): Promise<void> {
  const { host, facts, design, job } = run
  if (host.kind === 'folder') return
  for (const container of serving) {
    const works = design.databases.filter(each => each.service === container.service)
    const engine = databaseById(works[0]?.engine ?? '')
    if (engine === null) continue
    const options = facts.policy.engines[engine.id]
    const context = await driverContext(host, container.id, options, job.signal)
    await engine.ready(context, READY_LIMIT_MS)
    for (const { database, facts: recorded } of works) {
      const [blocker] = await engine.blockers(context, { database, facts: recorded })
      if (blocker === undefined) continue
      throw new AppError('version-mismatch', {
        message: blocker.message,
        state: 'The live data was not touched.',
        hint: blocker.hint,
      })
    }
  }
}
