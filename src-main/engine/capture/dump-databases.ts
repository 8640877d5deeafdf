import { AppError } from '../../contract/errors.ts'
import type { PlanStep } from '../../contract/model.ts'
import type { Counts, DriverContext, DumpArtifact, DumpSession } from '../databases/database.ts'
import { databaseById } from '../databases/index.ts'
import type { CaptureContext } from './context.ts'
import { differences } from './context.ts'
import type { CapturedArtifact } from './item-runs.ts'
import { isFatal } from './item-runs.ts'
import type { StoredArtifact } from './sink.ts'

/** Exact counts may take this long per server; then the server's estimates are taken, and said so. */
const COUNT_BUDGET_MS = 20_000

/** The dumps of one server: its consistent point is taken, and the dumps can be read. */
export interface OpenServer {
  readonly service: string
  readonly session: DumpSession
  /** Ledger id by database name. */
  readonly items: ReadonlyMap<string, string>
  /** What the driver warned of, also later. */
  readonly warnings: readonly string[]
}

/** What is dumped of which service: ledger ids by service and database name, from the plan. */
export function dumpsByService<R extends StoredArtifact>(
  { plan, inventory }: CaptureContext<R>,
  steps: readonly PlanStep[],
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const services = new Map<string, Map<string, string>>()
  const wanted = new Set(plan.steps.filter(each => each.action === 'dump').map(each => each.item))
  for (const step of steps) {
    if (step.action !== 'begin-dump' || step.service === null) continue
    const own = inventory.stack.items.filter(
      each => each.kind === 'database' && each.service === step.service && wanted.has(each.id),
    )
    services.set(step.service, new Map(own.map(each => [each.source, each.id])))
  }
  return services
}

/**
 * Takes a server's consistent point. When that fails, all its databases have failed, and null is returned.
 */
export async function beginDump<R extends StoredArtifact>(
  context: CaptureContext<R>,
  service: string,
  databases: ReadonlyMap<string, string>,
): Promise<OpenServer | null> {
  const warnings: string[] = []
  try {
    const session = await begin(context, service, [...databases.keys()], message => {
      warnings.push(message)
    })
    return { service, session, items: databases, warnings }
  } catch (error) {
    context.signal.throwIfAborted()
    for (const id of databases.values()) context.items.fail(id, error)
    if (isFatal(error)) throw error
    return null
  }
}

async function begin<R extends StoredArtifact>(
  { inventory, host, policy, signal }: CaptureContext<R>,
  service: string,
  names: readonly string[],
  warn: (message: string) => void,
): Promise<DumpSession> {
  const server = inventory.servers.find(each => each.service === service)
  const engine = server === undefined ? null : databaseById(server.engine)
  if (server === undefined || engine === null || host.kind !== 'docker') {
    throw new AppError('not-supported', {
      message: `There is no way to dump the databases of ${service}.`,
      state: 'They are not in this snapshot.',
      hint: 'Run lifeboat stacks to see what is known of this service.',
    })
  }
  const context: DriverContext = {
    place: host.inContainer(server.containerId),
    container: await host.container(server.containerId),
    options: policy.engines[engine.id] ?? {},
    signal,
    countBudgetMs: COUNT_BUDGET_MS,
    warn,
  }
  return engine.begin(context, names)
}

/** Reads all dumps of a server, one after the other, and ends its session. */
export async function readDumps<R extends StoredArtifact>(
  context: CaptureContext<R>,
  { service, session, items, warnings }: OpenServer,
): Promise<void> {
  const { items: runs, signal } = context
  try {
    const counts = await countsOf(session, context)
    const shared = await readShared(context, service, session)
    for (const [database, id] of items) {
      await runs.work(id, signal, async run => {
        context.job.phase('capture', `Dumping ${database} of ${service}`, id)
        if (shared instanceof Error) throw shared
        const own = session.artifacts.filter(each => each.database === database)
        if (own.length === 0) throw noDump(service, database)
        for (const artifact of own)
          run.add(await store(context, service, id, artifact, run.advance))
        for (const each of shared) run.add(each.record)
        const counted = counts?.[database]
        for (const warning of warnings) run.warn(warning)
        if (counted === undefined) run.warn('Its rows could not be counted.')
        run.counts(counted?.values ?? {}, counted?.exact ?? false)
        const facts = session.facts[database]
        if (typeof facts === 'object' && facts !== null) {
          run.facts(facts as Readonly<Record<string, unknown>>)
        }
      })
    }
  } finally {
    await session.close().catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error)
      context.job.note('warning', `The dump session of ${service} did not end well: ${why}`)
    })
  }
}

async function countsOf<R extends StoredArtifact>(
  session: DumpSession,
  { job, signal }: CaptureContext<R>,
): Promise<Readonly<Record<string, Counts>> | null> {
  try {
    return await session.counts()
  } catch (error) {
    signal.throwIfAborted()
    job.note('warning', error instanceof Error ? error.message : String(error))
    return null
  }
}

/** What all databases of the server share (roles): without it none of them is whole. */
async function readShared<R extends StoredArtifact>(
  context: CaptureContext<R>,
  service: string,
  session: DumpSession,
): Promise<readonly CapturedArtifact<R>[] | Error> {
  const records: CapturedArtifact<R>[] = []
  try {
    for (const artifact of session.artifacts.filter(each => each.database === null)) {
      const record = await store(context, service, `database:${service}/*`, artifact, bytes => {
        context.items.advanceShared(bytes)
      })
      records.push({ record, file: null })
    }
    return records
  } catch (error) {
    context.signal.throwIfAborted()
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function store<R extends StoredArtifact>(
  { sink, signal }: CaptureContext<R>,
  service: string,
  item: string,
  artifact: DumpArtifact,
  advance: (bytes: number) => void,
): Promise<R> {
  return sink.addArtifact(
    {
      path: `databases/${service}/${artifact.fileName}`,
      item,
      content: artifact.content,
      codec: artifact.compressed ? 'none' : 'zstd',
      expectedBytes: artifact.estimatedBytes,
      onBytes: differences(advance),
      signal,
    },
    await artifact.open(),
  )
}

function noDump(service: string, database: string): AppError {
  return new AppError('dump-incomplete', {
    message: `${service} gave no dump of ${database}.`,
    state: 'It is not in this snapshot.',
    hint: 'Check that the database is still there (lifeboat stacks), then repeat the backup.',
  })
}
