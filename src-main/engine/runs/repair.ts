import { existsSync } from 'node:fs'

import type { RepairReport } from '../../contract/reports.ts'
import type { Host } from '../hosts/host.ts'
import type { EngineDeps } from '../ports.ts'
import { repairRestores } from '../restore/repair-restores.ts'
import { openRepository } from '../store/repository.ts'
import { repairBackups } from './repair-backups.ts'

type Actions = RepairReport['actions']

/**
 * Puts right what runs left that died in the middle; called once at the start. Runs that are alive are left
 * alone. Everything that was done or could not be done is told. `openHost` gives hosts that the caller closes.
 */
export async function repairRuns(
  deps: EngineDeps,
  openHost: (id: string) => Promise<Host>,
): Promise<Actions> {
  return [
    // Restores first: they start what they stopped, also when a backup had stopped it before them.
    ...(await repairRestores(deps, openHost)),
    ...(await repairBackups(deps, openHost)),
    ...(await removeUnfinished(deps)),
  ]
}

/** Unfinished snapshots that no journal tells of: their run died while it began. */
async function removeUnfinished(deps: EngineDeps): Promise<Actions> {
  const { repository, knownRepositories } = await deps.settings.read()
  const actions: Actions[number][] = []
  for (const folder of new Set([repository, ...Object.keys(knownRepositories)])) {
    // A disk that is away, or a repository not begun yet, has its own words when it is used.
    if (!existsSync(folder)) continue
    try {
      const opened = await openRepository(folder, {
        version: deps.version,
        expectedId: knownRepositories[folder] ?? null,
      })
      for (const removed of await opened.removePartials()) {
        actions.push({
          what: 'A run that died left an unfinished snapshot',
          ok: true,
          detail: `Removed ${removed}.`,
        })
      }
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      deps.logger.info(`${folder} was not looked at for unfinished snapshots: ${problem}`)
    }
  }
  return actions
}
