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

/**
 * Unfinished snapshots that no journal tells of: their run died while it began. Only where this run keeps its
 * snapshots: another place is looked at when it is used, and one whose disk hangs must not hold every command up.
 */
async function removeUnfinished(deps: EngineDeps): Promise<Actions> {
  const { repository: folder, knownRepositories } = await deps.settings.read()
  // A disk that is away, or a repository not begun yet, has its own words when it is used.
  if (!existsSync(folder)) return []
  try {
    const opened = await openRepository(folder, {
      version: deps.version,
      expectedId: knownRepositories[folder] ?? null,
    })
    const removed = await opened.removePartials()
    return removed.map(each => ({
      what: 'A run that died left an unfinished snapshot',
      ok: true,
      detail: `Removed ${each}.`,
    }))
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    deps.logger.info(`${folder} was not looked at for unfinished snapshots: ${problem}`)
    return []
  }
}
