import { openRunJournal } from '../capture/run-journal.ts'
import type { RestoreJournal } from '../jobs/journal.ts'
import { thisProcess } from '../lib/process-identity.ts'
import type { RestoreDesign } from './design.ts'
import type { RestoreFacts } from './facts.ts'
import type { RestoreInput } from './restorer.ts'
import type { RestoreRun } from './run-context.ts'
import { treePlaces } from './tree-places.ts'
import type { UndoRecord } from './undo-record.ts'
import { restoreId } from './undo-record.ts'

/** Why a run is made, and when. */
interface RunOrigin {
  readonly undo: UndoRecord | null
  /** Ids of runs that died, which this one supersedes. */
  readonly supersedes: readonly string[]
  readonly startedAt: Date
}

/** Begins a run: its journal is on disk before anything happens. Close its places. */
export async function openRun(
  { host, deps, repository, job, snapshot }: RestoreInput,
  facts: RestoreFacts,
  design: RestoreDesign,
  { undo, supersedes, startedAt }: RunOrigin,
): Promise<RestoreRun> {
  const id = restoreId(startedAt)
  const { pid, processStart } = thisProcess()
  const journal = await openRunJournal(deps.paths.state, {
    jobId: job.jobId,
    kind: 'restore',
    pid,
    processStart,
    startedAt: startedAt.toISOString(),
    host: host.summary.id,
    daemonId: facts.host.daemon?.id ?? null,
    stack: facts.snapshot.stack.name,
    quiesced: [],
    helpers: [],
    partialFolder: null,
    restore: {
      restoreId: id,
      stage: 'staging',
      safetySnapshot: null,
      repository: repository.path,
      ...(undo === null ? {} : { removes: removesOf(undo) }),
      ...(supersedes.length === 0 ? {} : { supersedes }),
      items: [],
    },
  })
  return {
    restoreId: id,
    host,
    deps,
    job,
    facts,
    design,
    folder: repository.folderOf(snapshot),
    places: treePlaces(host, {
      cacheFolder: deps.paths.cache,
      prefer: facts.inventory?.containers.map(each => each.imageId) ?? [],
    }),
    journal,
    containers: design.containers.flatMap(each =>
      each.now === null ? [] : [{ ...each, id: each.now.id }],
    ),
    warnings: [],
    isComplete: false,
  }
}

function removesOf({ created, databases }: UndoRecord): NonNullable<RestoreJournal['removes']> {
  return { created, databases }
}
