import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { Counts, DriverContext, DumpArtifact, DumpSession } from '../database.ts'
import { artifactNames } from '../tools/artifact-names.ts'
import { seriesOf } from '../tools/release-series.ts'
import { type ArchiveSource, writeArchive } from './archive-writer.ts'
import {
  type CollectionInfo,
  isCapped,
  listCollections,
  listIndexes,
  metadataJson,
  storedIn,
} from './collections.ts'
import { type Connection, ServerError } from './connection.ts'
import { countCollections } from './counting.ts'
import { type DumpMaker, madeHere, refused } from './dump-stream.ts'
import { listDatabases } from './examine.ts'
import { type MongoFacts, type ServerState, serverState } from './facts.ts'
import { findLogin, type Login, withConnection } from './login.ts'
import { asOf, type Point, takePoint } from './point.ts'
import { USERS_FILE, userSources } from './users.ts'

/** One database as it was listed, or why it could not be. */
type Listed =
  | {
      readonly database: string
      readonly collections: readonly CollectionInfo[]
      readonly metadata: readonly string[]
    }
  | { readonly database: string; readonly problem: AppError }

interface Session {
  readonly context: DriverContext
  readonly login: Login
  readonly server: ServerState
  readonly point: Point
  readonly open: Set<Connection>
}

const BATCH_DOCUMENTS = 10_000
const TOOL = 'lifeboat 1'

/** Lists the databases and takes the moment as of which they are read. */
export async function beginMongodb(
  context: DriverContext,
  names: readonly string[],
): Promise<DumpSession> {
  const login = await findLogin(context)
  const { server, listed, point, sizes, users } = await withConnection(login, async connection => {
    const server = await serverState(connection)
    const infos = await listDatabases(connection)
    const sizes = new Map(infos.map(each => [each.name, each.sizeBytes] as const))
    const total = names.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0)
    const listed: Listed[] = []
    for (const database of names) listed.push(await list(connection, server, database))
    const point = await takePoint(connection, server, total)
    return { server, listed, sizes, point, users: await mayReadUsers(context, connection) }
  })
  const session: Session = { context, login, server, point, open: new Set() }
  warnAbout(context, listed, point)
  const files = artifactNames(names)
  return {
    artifacts: [
      ...listed.map(each => archiveOf(session, each, files, sizes.get(each.database) ?? null)),
      ...(users ? [usersOf(session)] : []),
    ],
    facts: Object.fromEntries(
      listed.flatMap(each =>
        'problem' in each ? [] : [[each.database, factsOf(session, each.collections)] as const],
      ),
    ),
    counts: () => countAll(session, listed),
    async close() {
      await Promise.all([...session.open].map(connection => connection.close()))
    },
  }
}

async function mayReadUsers(context: DriverContext, connection: Connection): Promise<boolean> {
  try {
    await connection.run('admin', { find: 'system.users', limit: 1 })
    return true
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    context.warn('The login may not read users and roles: they are not in the backup.')
    return false
  }
}

async function list(
  connection: Connection,
  server: ServerState,
  database: string,
): Promise<Listed> {
  try {
    const collections = await listCollections(connection, database)
    const [major, minor] = seriesOf(server.version)
    if ((major > 8 || (major === 8 && minor >= 3)) && collections.some(isSeries)) {
      throw new AppError('not-supported', {
        message: `The time series of MongoDB ${server.version} in ${database} are kept in a way that this version cannot read.`,
        state: NOTHING_CHANGED,
        hint: 'Exclude the database and stop the service for its volume.',
      })
    }
    const metadata: string[] = []
    for (const each of collections) {
      metadata.push(metadataJson(each, await listIndexes(connection, database, each)))
    }
    return { database, collections, metadata }
  } catch (error) {
    return { database, problem: refused(database, error) }
  }
}

function isSeries({ type }: CollectionInfo): boolean {
  return type === 'timeseries'
}

/** Fault case 20: a dump that is not of one moment says so. */
function warnAbout(context: DriverContext, listed: readonly Listed[], point: Point): void {
  if (point.time === null) {
    context.warn(
      `Not point in time: ${point.why ?? ''}, so each collection is as it was when it was read. What is written during the backup may be in it in part.`,
    )
    return
  }
  for (const each of listed) {
    if ('problem' in each) continue
    const capped = each.collections.filter(isCapped).map(({ name }) => name)
    if (capped.length === 0) continue
    context.warn(
      `Not point in time: the collections of fixed size ${capped.join(', ')} in ${each.database}, which MongoDB does not read as of a moment.`,
    )
  }
}

function factsOf(
  { server, login, point }: Session,
  collections: readonly CollectionInfo[],
): MongoFacts {
  return {
    format: 1,
    serverVersion: server.version,
    pointInTime: point.time !== null,
    exceptions: point.time === null ? [] : collections.filter(isCapped).map(({ name }) => name),
    collections: collections.length,
    user: login.user,
    authDatabase: login.authDatabase,
  }
}

async function countAll(
  { context, login, point }: Session,
  listed: readonly Listed[],
): Promise<Readonly<Record<string, Counts>>> {
  const deadline = performance.now() + context.countBudgetMs
  const counts: Record<string, Counts> = {}
  await withConnection(login, async connection => {
    for (const each of listed) {
      if ('problem' in each) continue
      const { database, collections } = each
      const counted = await countCollections(
        connection,
        database,
        collections,
        deadline - performance.now(),
        collection => asOf(point, collection),
      )
      // What is of no one moment may have changed until it is read.
      const sure = point.time !== null && !collections.some(isCapped)
      counts[database] = { ...counted, exact: counted.exact && sure }
    }
  })
  return counts
}

function archiveOf(
  session: Session,
  listed: Listed,
  files: ReadonlyMap<string, string>,
  estimatedBytes: number | null,
): DumpArtifact {
  const { database } = listed
  const fileName = `${files.get(database) ?? ''}.archive`
  if ('problem' in listed) {
    const { problem } = listed
    const content = 'mongo-archive' as const
    const open = (): Promise<never> => Promise.reject(problem)
    return { fileName, database, content, compressed: false, estimatedBytes: null, open }
  }
  const sources = (connection: Connection): readonly ArchiveSource[] =>
    listed.collections.map((collection, index) => ({
      collection: {
        database,
        name: collection.name,
        type: collection.type,
        metadata: listed.metadata[index] ?? '',
      },
      documents: () => documentsOf(connection, session.point, database, collection),
    }))
  const header = { serverVersion: session.server.version, toolVersion: TOOL }
  return artifact(session, fileName, database, estimatedBytes, connection =>
    writeArchive(header, sources(connection)),
  )
}

function usersOf(session: Session): DumpArtifact {
  const header = { serverVersion: session.server.version, toolVersion: TOOL }
  return artifact(session, USERS_FILE, null, 4096, connection =>
    writeArchive(header, userSources(connection)),
  )
}

async function* documentsOf(
  connection: Connection,
  point: Point,
  database: string,
  collection: CollectionInfo,
): AsyncGenerator<readonly Buffer[]> {
  if (collection.type === 'view') return
  yield* connection.documents(database, {
    find: storedIn(collection),
    // In the order of storing, which a collection of fixed size must have back.
    hint: { $natural: 1 },
    batchSize: BATCH_DOCUMENTS,
    ...asOf(point, collection),
  })
}

function artifact(
  { login, open }: Session,
  fileName: string,
  database: string | null,
  estimatedBytes: number | null,
  make: DumpMaker,
): DumpArtifact {
  return {
    fileName,
    database,
    content: 'mongo-archive',
    compressed: false,
    estimatedBytes,
    async open() {
      const connection = await login.open()
      open.add(connection)
      return madeHere(connection, make)
    },
  }
}
