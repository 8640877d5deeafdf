import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { ProvenStream } from '../../lib/proven-stream.ts'
import type { Counts, DriverContext, DumpArtifact, DumpSession } from '../database.ts'
import { artifactNames } from '../tools/artifact-names.ts'
import { StatementError } from '../tools/coprocess.ts'
import { firstBytes } from '../tools/first-bytes.ts'
import { provenCommand, withProof } from '../tools/proven-command.ts'
import { refusedDatabase } from '../tools/refused-database.ts'
import { countTables } from './counting.ts'
import type { Flavor } from './detect.ts'
import { type MysqlFacts, readFacts } from './facts.ts'
import { findLogin, type Login } from './login.ts'
import { openSession, type Session } from './session.ts'
import { literal } from './sql.ts'
import { usersArtifact } from './users.ts'

type Point =
  | {
      readonly database: string
      readonly source: ProvenStream
      readonly facts: MysqlFacts
      readonly sizeBytes: number
    }
  | { readonly database: string; readonly problem: AppError }

/** Arguments of the dump program that all dumps have. */
export function dumpFlags(login: Pick<Login, 'dumpIsMariadb'>): readonly string[] {
  return [
    '--single-transaction',
    '--quick',
    '--routines',
    '--triggers',
    '--events',
    '--hex-blob',
    '--no-tablespaces',
    '--default-character-set=utf8mb4',
    '--max-allowed-packet=1G',
    // MySQL's own program asks the server for these by itself; other servers do not know them.
    ...(login.dumpIsMariadb ? [] : ['--set-gtid-purged=OFF', '--column-statistics=0']),
  ]
}

/**
 * Takes one moment of all databases. The dump programs cannot be handed a moment, so they are started
 * here, under a short global read lock, and wait with their first bytes until they are read; the counts
 * are made in a transaction that began under the same lock.
 */
export async function beginMysql(
  context: DriverContext,
  databases: readonly string[],
  flavor: Flavor,
): Promise<DumpSession> {
  const login = await findLogin(context, flavor)
  if (login.dump === null) {
    throw new AppError('tool-missing', {
      message: `There is no mariadb-dump or mysqldump in ${context.place.description}.`,
      state: NOTHING_CHANGED,
      hint: 'Use an image that holds the client programs, or exclude the database and stop the service for its volume.',
    })
  }
  const session = await openSession(context, login)
  try {
    const { points, locked } = await takePoints(context, login, login.dump, session, databases)
    const names = artifactNames(databases)
    return {
      artifacts: [
        ...points.map(point => artifactOf(point, names.get(point.database) ?? '')),
        usersArtifact(context, login),
      ],
      facts: Object.fromEntries(
        points.flatMap(point => ('facts' in point ? [[point.database, point.facts] as const] : [])),
      ),
      counts: () => countAll(context, login, session, points, locked),
      async close() {
        await Promise.all(
          points.map(async point => {
            if ('source' in point) await point.source.abort()
          }),
        )
        await session.close()
      },
    }
  } catch (error) {
    await session.close()
    throw error
  }
}

async function takePoints(
  context: DriverContext,
  login: Login,
  program: string,
  session: Session,
  databases: readonly string[],
): Promise<{ readonly points: readonly Point[]; readonly locked: boolean }> {
  const prepared = await Promise.all(
    databases.map(database => describe(context, login, session, database)),
  )
  const locked = await lock(context, session)
  try {
    const points = await Promise.all(
      prepared.map(async each => {
        if ('problem' in each) return each
        try {
          const flags = [...dumpFlags(login), ...(each.database.startsWith('-') ? ['--'] : [])]
          const argv = login.argv(...withProof([program, ...login.flags, ...flags, each.database]))
          const source = await provenCommand(context.place, argv, {
            ...login.options,
            warnings: [],
          })
          // The header alone fits the program's buffer: what arrives was written after the transaction began.
          await firstBytes(source)
          return { ...each, source }
        } catch (error) {
          return { database: each.database, problem: problemOf(each.database, error) }
        }
      }),
    )
    await session.run('set session transaction isolation level repeatable read')
    await session.run('start transaction with consistent snapshot')
    return { points, locked }
  } finally {
    if (locked) await session.run('unlock tables').catch(() => undefined)
  }
}

async function lock(context: DriverContext, session: Session): Promise<boolean> {
  try {
    await session.run('set session lock_wait_timeout = 20')
    await session.run('flush tables with read lock')
    return true
  } catch (error) {
    if (!(error instanceof StatementError)) throw error
    context.warn(
      'The server could not be held still for a moment: counts may differ from the dump by what was written meanwhile.',
    )
    return false
  }
}

async function describe(
  context: DriverContext,
  login: Login,
  session: Session,
  database: string,
): Promise<
  | { readonly database: string; readonly facts: MysqlFacts; readonly sizeBytes: number }
  | { readonly database: string; readonly problem: AppError }
> {
  try {
    const [size] = await session.rows(
      `select coalesce(sum(data_length), 0), (select count(*) from information_schema.schemata where schema_name = ${literal(database)})
         from information_schema.tables where table_schema = ${literal(database)}`,
    )
    if (size?.[1] !== '1')
      throw new StatementError('there is no such database, or it may not be seen', '1049')
    const facts = await readFacts(session, login, database)
    if (facts.nonTransactional.length > 0) {
      context.warn(
        `${database}: tables without transactions (${facts.nonTransactional.slice(0, 10).join(', ')}) may have changed while they were dumped.`,
      )
    }
    return { database, facts, sizeBytes: Number(size[0]) }
  } catch (error) {
    return { database, problem: problemOf(database, error) }
  }
}

function problemOf(database: string, error: unknown): AppError {
  return refusedDatabase(error, {
    message: `The database ${database} could not be opened.`,
    hint: 'Give the user the rights to read it, or exclude it.',
  })
}

function artifactOf(point: Point, fileName: string): DumpArtifact {
  return {
    fileName: `${fileName}.sql`,
    database: point.database,
    content: 'mysql-sql',
    compressed: false,
    estimatedBytes: 'sizeBytes' in point ? point.sizeBytes : null,
    open: () => ('source' in point ? Promise.resolve(point.source) : Promise.reject(point.problem)),
  }
}

async function countAll(
  context: DriverContext,
  login: Login,
  session: Session,
  points: readonly Point[],
  locked: boolean,
): Promise<Readonly<Record<string, Counts>>> {
  const deadline = performance.now() + context.countBudgetMs
  const counts: Record<string, Counts> = {}
  for (const point of points) {
    if (!('facts' in point)) continue
    const found = await countTables(session, login, point.database, deadline - performance.now())
    const sure = locked && point.facts.nonTransactional.length === 0
    counts[point.database] = { ...found, exact: found.exact && sure }
  }
  return counts
}
