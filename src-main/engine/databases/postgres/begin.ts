import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { Counts, DriverContext, DumpArtifact, DumpSession } from '../database.ts'
import { artifactNames } from '../tools/artifact-names.ts'
import { provenBytes } from '../tools/proven-bytes.ts'
import { provenCommand, withProof } from '../tools/proven-command.ts'
import { refusedDatabase } from '../tools/refused-database.ts'
import { countTables } from './counting.ts'
import { type PostgresFacts, readFacts } from './facts.ts'
import { findLogin, inDatabase, type Login } from './login.ts'
import { openSession, type Session, withSession } from './session.ts'
import { readConfiguration, readDatabaseSettings, type ServerText } from './settings.ts'

/** One database at its point in time, or why there is none. */
type Point =
  | {
      readonly database: string
      readonly session: Session
      readonly snapshot: string
      readonly sizeBytes: number
      readonly facts: PostgresFacts
      readonly settings: ServerText
    }
  | { readonly database: string; readonly problem: AppError }

const PARALLEL = 8
/** A schema change that holds its lock for longer than this fails the dump instead of stopping it for ever. */
const LOCK_WAIT_MS = 300_000

function major(version: string): number {
  return Number.parseInt(version, 10)
}

/** Rejects with `version-mismatch` when the dump program is older than the server: it would refuse half-way. */
export function checkDumpProgram(login: Login, serverVersion: string, place: string): void {
  const program = login.surroundings.tools.get('pg_dump')
  if (program === undefined) {
    throw new AppError('tool-missing', {
      message: `There is no pg_dump in ${place}.`,
      state: NOTHING_CHANGED,
      hint: 'Use an image that holds the Postgres client programs, or exclude the database and stop the service for its volume.',
    })
  }
  if (major(program) < major(serverVersion)) {
    throw new AppError('version-mismatch', {
      message: `pg_dump ${program} in ${place} is older than the server (${serverVersion}) and cannot dump it.`,
      state: NOTHING_CHANGED,
      hint: 'Install the client programs of the server’s version in the container, or put them before the older ones on its PATH.',
    })
  }
}

function problemOf(database: string, error: unknown): AppError {
  return refusedDatabase(error, {
    message: `The database ${database} could not be opened.`,
    hint: 'Give the user the right to connect to it, or exclude it.',
  })
}

/** Runs work over a list, at most so many at a time, in order. */
async function inGroups<T, R>(list: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let index = 0; index < list.length; index += PARALLEL) {
    results.push(...(await Promise.all(list.slice(index, index + PARALLEL).map(work))))
  }
  return results
}

async function takePoint(
  login: Login,
  database: string,
  session: Session,
  format: 'custom' | 'plain',
): Promise<Point> {
  try {
    await session.run('begin isolation level repeatable read read only')
    const snapshot = await session.run('select pg_export_snapshot()')
    const size = Number(await session.run('select pg_database_size(current_database())'))
    return {
      database,
      session,
      snapshot,
      sizeBytes: size,
      facts: await readFacts(session, login.user, format),
      settings: await readDatabaseSettings(session),
    }
  } catch (error) {
    await session.close()
    return { database, problem: problemOf(database, error) }
  }
}

/**
 * Takes one point in time of each database: a transaction that stays open, whose snapshot `pg_dump` takes
 * over and in which the counts are made. All are begun before the first is asked anything slow.
 */
export async function beginPostgres(
  context: DriverContext,
  databases: readonly string[],
): Promise<DumpSession> {
  const login = await findLogin(context)
  const format = context.options['format'] === 'plain' ? 'plain' : 'custom'
  const shared = await withSession(context, login, login.maintenance, async session => {
    checkDumpProgram(login, await session.run('show server_version'), context.place.description)
    return {
      superuser:
        (await session.run('select usesuper from pg_user where usename = current_user')) === 't',
      configuration: await readConfiguration(session).catch(() => []),
    }
  })
  if (!shared.superuser) {
    context.warn(
      `The login ${login.user} is no superuser: passwords of roles and the server's configuration are not in the backup.`,
    )
  }
  // Opened first and begun together: the points of the databases lie as close as can be.
  const opened = await inGroups(databases, async database => {
    try {
      return { database, session: await openSession(context, login, database) }
    } catch (error) {
      return { database, problem: problemOf(database, error) }
    }
  })
  const points = await Promise.all(
    opened.map(async each =>
      'session' in each ? takePoint(login, each.database, each.session, format) : each,
    ),
  )
  const names = artifactNames(databases)
  return {
    artifacts: [
      ...points.flatMap(point =>
        dumps(context, login, point, names.get(point.database) ?? '', format),
      ),
      globals(context, login, shared.superuser),
      ...shared.configuration.map(file => bytes(file.name, null, file)),
    ],
    facts: Object.fromEntries(
      points.flatMap(point => ('facts' in point ? [[point.database, point.facts] as const] : [])),
    ),
    counts: () => countAll(context, points),
    async close() {
      await Promise.all(
        points.map(async point => {
          if ('session' in point) await point.session.close()
        }),
      )
    },
  }
}

async function countAll(
  context: DriverContext,
  points: readonly Point[],
): Promise<Readonly<Record<string, Counts>>> {
  const deadline = performance.now() + context.countBudgetMs
  const counts: Record<string, Counts> = {}
  for (const point of points) {
    if ('session' in point) {
      counts[point.database] = await countTables(point.session, deadline - performance.now())
    }
  }
  return counts
}

function dumps(
  context: DriverContext,
  login: Login,
  point: Point,
  fileName: string,
  format: 'custom' | 'plain',
): readonly DumpArtifact[] {
  const custom = format === 'custom'
  const common = {
    fileName: `${fileName}.${custom ? 'dump' : 'sql'}`,
    database: point.database,
    content: custom ? ('pg-custom' as const) : ('pg-sql' as const),
    compressed: custom,
  }
  if ('problem' in point) {
    return [{ ...common, estimatedBytes: null, open: () => Promise.reject(point.problem) }]
  }
  const compression = login.surroundings.dumpsZstd ? 'zstd:1' : '1'
  const argv = login.argv(
    ...withProof([
      'pg_dump',
      ...login.flags,
      ...(custom ? ['--format=custom', `--compress=${compression}`] : ['--format=plain']),
      `--snapshot=${point.snapshot}`,
      `--lock-wait-timeout=${LOCK_WAIT_MS}`,
      inDatabase(point.database),
    ]),
  )
  return [
    {
      ...common,
      estimatedBytes: point.sizeBytes,
      open: () => provenCommand(context.place, argv, login.options),
    },
    bytes(`${fileName}.settings.sql`, point.database, point.settings),
  ]
}

function globals(context: DriverContext, login: Login, superuser: boolean): DumpArtifact {
  const argv = login.argv(
    ...withProof([
      'pg_dumpall',
      '--globals-only',
      ...(superuser ? [] : ['--no-role-passwords']),
      ...login.flags,
      `--database=${login.maintenance}`,
    ]),
  )
  return {
    fileName: 'globals.sql',
    database: null,
    content: 'pg-sql',
    compressed: false,
    estimatedBytes: 4096,
    open: () => provenCommand(context.place, argv, login.options),
  }
}

function bytes(fileName: string, database: string | null, text: ServerText): DumpArtifact {
  return {
    fileName,
    database,
    content: 'bytes',
    compressed: false,
    estimatedBytes: text.content.length,
    open: () => Promise.resolve(provenBytes(text.content, text.sha256)),
  }
}
