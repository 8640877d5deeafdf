import { AppError } from '../../contract/errors.ts'
import type { CheckRow } from '../../contract/model.ts'
import type { Counts } from '../databases/database.ts'
import { databaseById } from '../databases/index.ts'
import { openArtifact } from '../store/artifact-reader.ts'
import { counted } from './counted.ts'
import type { ContainerWork, DatabaseWork, RestoreDesign } from './design.ts'
import { driverContext, STAGE_COUNT_BUDGET_MS } from './driver-context.ts'
import type { JournalItem, RestoreRun } from './run-context.ts'
import { noteItem } from './run-context.ts'
import type { StagedItem } from './stage-trees.ts'

const UNTOUCHED = 'The live database is untouched; what was loaded beside it is removed.'

/** Loads a database beside the live one and compares its counts with the snapshot's. */
export async function stageDatabase(run: RestoreRun, work: DatabaseWork): Promise<StagedItem> {
  const { host, job, journal, facts } = run
  const engine = databaseById(work.engine)
  const container = run.containers.find(each => each.service === work.service)
  if (engine === null || container === undefined || host.kind !== 'docker') {
    throw new AppError('not-supported', {
      message: `This version of Lifeboat cannot restore ${work.item} (${work.engine}).`,
      state: UNTOUCHED,
      hint: 'Load it by hand with the commands of the snapshot’s RESTORE.md.',
    })
  }
  job.phase(
    'restore',
    `Loading ${work.database} beside the live database`,
    work.item,
    'The live database is untouched; the next start removes what was loaded.',
  )
  let entry: JournalItem = {
    item: work.item,
    driver: engine.id,
    service: work.service,
    containerId: container.id,
    state: 'staged',
    data: {},
  }
  const context = await driverContext(
    host,
    container.id,
    facts.policy.engines[engine.id],
    job.signal,
    STAGE_COUNT_BUDGET_MS,
    message => run.warnings.push(`${work.item}: ${message}`),
  )
  const staged = await engine.stage(
    context,
    {
      database: work.database,
      facts: work.facts,
      counts: work.counts,
      freshServer: isFresh(container, run.design),
      artifacts: work.artifacts.map(({ fileName, record }) => ({
        fileName,
        content: record.content,
        plainBytes: record.plain.bytes,
        open: () =>
          counted(openArtifact(run.folder, record, { signal: job.signal }), bytes =>
            job.advance(bytes),
          ),
      })),
    },
    async data => {
      entry = { ...entry, data }
      await noteItem(journal, entry)
    },
  )
  entry = { ...entry, data: staged.journal }
  await noteItem(journal, entry)
  const checks = compareCounts(work.counts, staged.counts)
  const wrong = checks.find(each => !each.ok)
  if (wrong !== undefined) {
    throw new AppError('restore-failed', {
      message: `What was loaded into ${work.database} is not what the snapshot holds: ${wrong.name} is ${wrong.actual}, expected ${wrong.expected}.`,
      state: UNTOUCHED,
      hint: 'Run "lifeboat check --read-data" on the snapshot; then restore again.',
    })
  }
  return {
    work: work.item,
    items: [work.item],
    checks,
    isActive: false,
    async activate() {
      await noteItem(journal, { ...entry, state: 'switching' })
      await staged.activate()
      await noteItem(journal, { ...entry, state: 'switched' })
    },
    // A database server writes to disk what it commits.
    settle: () => Promise.resolve(),
  }
}

/** True for a server that is made for this restore, data and all: nothing in it is anybody's. */
export function isFresh(
  { now, recorded }: Pick<ContainerWork, 'now' | 'recorded'>,
  { volumes, folders }: Pick<RestoreDesign, 'volumes' | 'folders'>,
): boolean {
  if (now !== null || recorded === null) return false
  return recorded.mounts
    .filter(each => !each.readOnly)
    .every(({ type, source }) =>
      type === 'volume'
        ? volumes.some(each => each.name === source)
        : type !== 'bind' || folders.includes(source),
    )
}

/** One row per table. Where either side is an estimate, the row tells but does not judge. */
export function compareCounts(expected: Counts, actual: Counts): readonly CheckRow[] {
  const isExact = expected.exact && actual.exact
  const names = new Set([...Object.keys(expected.values), ...Object.keys(actual.values)])
  // The rows of a snapshot that could not be counted are not known, which is no reason to refuse it.
  if (Object.keys(expected.values).length === 0 && !expected.exact) return []
  return [...names].toSorted().map(name => {
    const wanted = expected.values[name]
    const found = actual.values[name]
    return {
      name: isExact ? name : `${name} (about)`,
      expected: wanted === undefined ? 'absent' : String(wanted),
      actual: found === undefined ? 'absent' : String(found),
      ok: isExact ? wanted === found : (wanted === undefined) === (found === undefined),
    }
  })
}
