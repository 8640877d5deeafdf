import { HELPER_LABEL, OWNER_LABEL } from './docker/helper-containers.ts'
import { ownerState } from './helper-owner.ts'
import type { DockerHost } from './host.ts'

/** A helper of a process that cannot be asked is left alone for this long; after that it has ended itself. */
const FOREIGN_AGE_MS = 3 * 24 * 3600 * 1000

/**
 * Removes helpers whose run is over: those of processes of this computer that are gone, and those of
 * other computers that are older than any run. Dead-man switches that run are left: they have work to do
 * exactly when their run is gone, and end themselves. Returns the ids of what was removed.
 */
export async function sweepHelpers(host: DockerHost): Promise<readonly string[]> {
  const removed: string[] = []
  for (const helper of await host.helpers()) {
    // One that was made and never started would stay for ever.
    if (helper.labels[HELPER_LABEL] === 'dead-man' && helper.state !== 'created') continue
    const owner = ownerState(helper.labels[OWNER_LABEL])
    const startedAt = helper.startedAt === null ? 0 : Date.parse(helper.startedAt)
    const isOld = Date.now() - startedAt > FOREIGN_AGE_MS
    if (owner === 'running' || (owner === 'unknown' && !isOld)) continue
    await host.removeHelper(helper.id)
    removed.push(helper.id)
  }
  return removed
}
