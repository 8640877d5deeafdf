import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { Item, PlanStep } from '../../contract/model.ts'
import type { CaptureContext } from './context.ts'
import { inParallel } from './context.ts'
import { copyConfig } from './copy-config.ts'
import type { PendingSqlite } from './copy-sqlite.ts'
import { fetchSqlite, sqliteCompanions, storeSqlite } from './copy-sqlite.ts'
import { copyTree } from './copy-tree.ts'
import { storeDefinitions } from './definitions.ts'
import type { OpenServer } from './dump-databases.ts'
import { beginDump, dumpsByService, readDumps } from './dump-databases.ts'
import type { CapturedItem } from './item-runs.ts'
import { ItemRuns } from './item-runs.ts'
import { estimatesOf, itemsOf, phasesOf, stepsWith } from './plan-phases.ts'
import type { QuiesceReport } from './quiesce.ts'
import type { QuietTimeNeeds } from './quiet-time.ts'
import { openQuietTime } from './quiet-time.ts'
import type { ArtifactSink, StoredArtifact } from './sink.ts'

/** One stream keeps a core busy with zstd and a disk with reading; a second one fills the gaps. */
const STREAMS = 2

export interface CaptureInput<R extends StoredArtifact>
  extends Omit<CaptureContext<R>, 'items' | 'signal'>, QuietTimeNeeds {}

/** What a capture has brought in. */
export interface CaptureResult<R extends StoredArtifact> {
  readonly items: readonly CapturedItem<R>[]
  /** Every file that was stored, those of items that failed later, too. */
  readonly artifacts: readonly R[]
  readonly quiesce: QuiesceReport
  /** The consistent point: when everything that should be quiet was quiet. */
  readonly time: Date
  readonly warnings: readonly string[]
}

/** A capture that ended early, with what its quiet time has come to. */
export class CaptureFailure extends Error {
  readonly quiesce: QuiesceReport

  constructor(cause: unknown, quiesce: QuiesceReport) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.quiesce = quiesce
  }
}

/**
 * Carries out a backup plan, step by step: configuration first, then writers are stopped or paused, then
 * every server's consistent point is taken and files are copied, then writers come back, and then the
 * dumps are read. An item that fails does not stop the others. Rejects with `CaptureFailure` when nothing
 * good can come of the run any more: cancelled, disk full, host gone, or the consistent point was lost.
 * Whatever happens, what was stopped is started again before it settles.
 */
export async function capture<R extends StoredArtifact>(
  input: CaptureInput<R>,
): Promise<CaptureResult<R>> {
  const { plan, inventory, job } = input
  const wanted = itemsOf(plan.steps, inventory.stack.items)
  const items = new ItemRuns<R>(wanted, job, estimatesOf(plan.steps))
  const stop = new AbortController()
  const signal = AbortSignal.any([job.signal, stop.signal])
  const artifacts: R[] = []
  const context: CaptureContext<R> = {
    ...input,
    sink: keeping(input.sink, artifacts),
    items,
    signal,
  }
  const phases = phasesOf(plan.steps)

  const quiet = openQuietTime(context, input, reason => stop.abort(reason))
  const open = new Set<OpenServer>()
  const pending: PendingSqlite[] = []
  try {
    await copyConfig(
      context,
      stepsWith(phases.before, 'copy-config').map(each => each.item),
    )
    await storeDefinitions(inventory, context.sink)
    await quiet.begin()
    const time = new Date()
    await takePoint(context, phases.quiet, open, pending)
    await quiet.check()
    const quiesce = await quiet.end()
    await copyFiles(context, phases.after, pending)
    const reads = [
      ...[...open].map(server => async () => {
        open.delete(server)
        await readDumps(context, server)
      }),
      ...pending.map(each => () => settle(context, each)),
    ]
    await inParallel(reads, STREAMS, read => read())
    return { items: items.finish(), artifacts, quiesce, time, warnings: quiet.warnings() }
  } catch (error) {
    throw new CaptureFailure(error, await quiet.end())
  } finally {
    await Promise.allSettled([...[...open].map(each => each.session.close()), quiet.cleared()])
  }
}

/** The same sink, and a list of all that went into it. */
function keeping<R extends StoredArtifact>(sink: ArtifactSink<R>, kept: R[]): ArtifactSink<R> {
  return {
    async addArtifact(spec, source) {
      const record = await sink.addArtifact(spec, source)
      kept.push(record)
      return record
    },
    async addFile(path, item, content) {
      const record = await sink.addFile(path, item, content)
      kept.push(record)
      return record
    },
  }
}

/** Takes the consistent point of all servers and copies all files that belong to it. */
async function takePoint<R extends StoredArtifact>(
  context: CaptureContext<R>,
  steps: readonly PlanStep[],
  open: Set<OpenServer>,
  pending: PendingSqlite[],
): Promise<void> {
  const servers = [...dumpsByService(context, steps)]
  context.job.phase('capture', 'Taking the consistent point')
  await inParallel(servers, servers.length, async ([service, databases]) => {
    const server = await beginDump(context, service, databases)
    if (server !== null) open.add(server)
  })
  await copyFiles(context, steps, pending)
}

/** Copies volumes, folders and the files of SQLite databases, a few streams at once. */
async function copyFiles<R extends StoredArtifact>(
  context: CaptureContext<R>,
  steps: readonly PlanStep[],
  pending: PendingSqlite[],
): Promise<void> {
  const { items, job, signal, inventory } = context
  const databases = stepsWith(steps, 'copy-sqlite')
  await inParallel(databases, STREAMS, async step => {
    await items.work(
      step.item,
      signal,
      async run => {
        job.note('info', step.detail)
        job.phase('capture', `Copying ${run.item.source}`, step.item)
        pending.push(await fetchSqlite(context, run, step.order))
      },
      false,
    )
  })
  const trees = stepsWith(steps, 'copy-volume', 'copy-bind', 'mirror-bucket')
  await inParallel(trees, STREAMS, async step => {
    await items.work(step.item, signal, async run => {
      if (step.action === 'mirror-bucket') throw noBuckets(run.item)
      job.note('info', step.detail)
      job.phase('capture', `Copying ${run.item.source}`, step.item)
      // An SQLite file of which no safe copy could be made is better copied as it is than lost.
      const unsafe = inventory.sqlite
        .filter(each => each.mount === step.item && !items.isSound(each.item))
        .flatMap(each => [each.path, ...sqliteCompanions.map(suffix => each.path + suffix)])
      const leaveOut = (step.leaveOut ?? []).filter(each => !unsafe.includes(each))
      await copyTree(context, run, step, leaveOut)
    })
  })
}

async function settle<R extends StoredArtifact>(
  context: CaptureContext<R>,
  pending: PendingSqlite,
): Promise<void> {
  await context.items.work(pending.id, context.signal, async run => {
    context.job.phase('capture', `Checking ${run.item.source}`, pending.id)
    await storeSqlite(context, run, pending)
  })
}

function noBuckets(item: Item): AppError {
  return new AppError('not-supported', {
    message: `This version of Lifeboat does not copy buckets: ${item.source}.`,
    state: NOTHING_CHANGED,
    hint: 'Copy the volume of the object store instead (lifeboat stacks lists it).',
  })
}
