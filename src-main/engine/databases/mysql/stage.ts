import { AppError } from '../../../contract/errors.ts'
import type { WireBlocker } from '../../../contract/model.ts'
import type { DriverContext, DumpSource, StagedDatabase } from '../database.ts'
import { StatementError } from '../tools/coprocess.ts'
import { feedTool } from '../tools/feed-tool.ts'
import { isOlder } from '../tools/release-series.ts'
import { countTables } from './counting.ts'
import type { Flavor } from './detect.ts'
import { type MysqlFacts, serverVersion, storedFacts } from './facts.ts'
import { findLogin, type Login } from './login.ts'
import { type Session, withSession } from './session.ts'
import { identifier } from './sql.ts'
import * as switches from './switch.ts'
import { missingUsers, type UserScript } from './users.ts'

const UNTOUCHED = 'The live database is untouched.'
const labels = { mariadb: 'MariaDB', mysql: 'MySQL' } as const

/** Why this server cannot take the dump, found without changing anything. */
export async function findBlockers(
  session: Session,
  login: Login,
  facts: MysqlFacts,
): Promise<readonly WireBlocker[]> {
  const here = await serverVersion(session)
  if (facts.flavor !== login.flavor) {
    return [
      {
        code: 'version-mismatch',
        message: `The dump is from ${labels[facts.flavor]}, the server here is ${labels[login.flavor]}.`,
        hint: 'Use the image that the stack used when it was backed up.',
      },
    ]
  }
  if (!isOlder(here, facts.serverVersion)) return []
  return [
    {
      code: 'version-mismatch',
      message: `The dump is from ${labels[facts.flavor]} ${facts.serverVersion}, the server here is the older ${here}.`,
      hint: `Run ${labels[facts.flavor]} ${facts.serverVersion} or newer here, then restore.`,
    },
  ]
}

/** Loads a dump into a database beside the live one. */
export async function stageMysql(
  context: DriverContext,
  source: DumpSource,
  remember: (journal: Readonly<Record<string, string>>) => Promise<void>,
  flavor: Flavor,
): Promise<StagedDatabase> {
  const facts = storedFacts(source.facts)
  const login = await findLogin(context, flavor)
  const warnings: string[] = []
  const warn = (message: string): void => {
    warnings.push(message)
    context.warn(message)
  }
  const users = await read(source, 'users.sql')
  const { switching, missing } = await withSession(context, login, async session => {
    const [blocker] = await findBlockers(session, login, facts)
    if (blocker !== undefined)
      throw new AppError('version-mismatch', { ...blocker, state: UNTOUCHED })
    const lacking = await missingUsers(session, users).catch(() => [])
    const names = lacking.map(user => user.name)
    return {
      switching: await switches.planSwitch(session, source.database, names),
      missing: lacking,
    }
  })
  await remember(switches.toJournal(switching))
  try {
    await withSession(context, login, async session => {
      await createUsers(session, missing, warn)
      await session.run(
        `create database ${identifier(switching.stagedName)} character set ${facts.characterSet} collate ${facts.collation}`,
      )
    })
    await withRoomForPackets(context, login, () =>
      load(context, login, switching.stagedName, source),
    )
    const counts = await withSession(context, login, session =>
      countTables(session, login, switching.stagedName, context.countBudgetMs),
    )
    const act =
      (step: (session: Session, of: switches.Switching) => Promise<unknown>) => async () => {
        await withSession(context, login, session => step(session, switching))
      }
    return {
      counts: { ...counts, exact: counts.exact && facts.nonTransactional.length === 0 },
      warnings,
      journal: switches.toJournal(switching),
      activate: act(switches.activate),
      revert: act(switches.revert),
      finalize: act(switches.finalize),
      discard: act(switches.discard),
    }
  } catch (error) {
    await cleanUp(context, login, switching)
    throw error instanceof StatementError ? failed(source.database, error.message, error) : error
  }
}

async function cleanUp(
  context: DriverContext,
  login: Login,
  switching: switches.Switching,
): Promise<void> {
  // Also after a cancelled job: its signal must not stop the cleaning up.
  const signal = AbortSignal.timeout(60_000)
  const calm = { ...login, options: { ...login.options, signal } }
  // What cannot be cleaned up now is in the journal, which the next start works off.
  await withSession({ ...context, signal }, calm, session =>
    switches.discard(session, switching),
  ).catch(() => undefined)
}

async function createUsers(
  session: Session,
  missing: readonly UserScript[],
  warn: (message: string) => void,
): Promise<void> {
  for (const user of missing) {
    for (const statement of user.statements) {
      await session.run(statement).catch((error: unknown) => {
        if (!(error instanceof StatementError)) throw error
        warn(`A right of the user ${user.name} was not taken over.`)
      })
    }
  }
}

/**
 * A value is twice as long in a dump as in its table, and the server refuses statements that are longer
 * than its limit: the limit is raised for as long as the load takes.
 */
async function withRoomForPackets(
  context: DriverContext,
  login: Login,
  work: () => Promise<void>,
): Promise<void> {
  await withSession(context, login, async session => {
    const limit = await session.run('select @@global.max_allowed_packet')
    const raised = await session.run('set global max_allowed_packet = 1073741824').then(
      () => true,
      () => false,
    )
    try {
      await work()
    } finally {
      if (raised)
        await session.run(`set global max_allowed_packet = ${limit}`).catch(() => undefined)
    }
  })
}

async function read(source: DumpSource, fileName: string): Promise<string> {
  const artifact = source.artifacts.find(each => each.fileName === fileName)
  if (artifact === undefined) return ''
  const chunks: Buffer[] = []
  for await (const chunk of artifact.open() as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function load(
  context: DriverContext,
  login: Login,
  name: string,
  source: DumpSource,
): Promise<void> {
  const artifact = source.artifacts.find(
    each => each.content === 'mysql-sql' && each.fileName !== 'users.sql',
  )
  if (artifact === undefined) throw failed(source.database, 'The snapshot holds no dump of it.')
  const argv = login.argv(
    login.client,
    ...login.flags,
    '--batch',
    '--binary-mode',
    '--default-character-set=utf8mb4',
    '--max-allowed-packet=1G',
    `--database=${name}`,
  )
  const answer = await feedTool(context.place, argv, artifact.open(), login.options)
  if (answer.exitCode !== 0) {
    throw failed(
      source.database,
      `${login.client} ended with exit code ${String(answer.exitCode)}: ${answer.stderr.slice(-4000)}`,
    )
  }
}

function failed(database: string, details: string, cause?: unknown): AppError {
  return new AppError(
    'restore-failed',
    {
      message: `The database ${database} could not be loaded.`,
      state: UNTOUCHED,
      hint: 'Look at the details; check the snapshot with --read-data if they speak of the data.',
      details,
    },
    cause,
  )
}
