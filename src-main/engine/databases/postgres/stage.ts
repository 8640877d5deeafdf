import { AppError } from '../../../contract/errors.ts'
import type { WireBlocker } from '../../../contract/model.ts'
import type { DriverContext, DumpSource, StagedDatabase } from '../database.ts'
import { StatementError } from '../tools/coprocess.ts'
import { countTables } from './counting.ts'
import { createDatabase } from './create-database.ts'
import { type PostgresFacts, storedFacts } from './facts.ts'
import { alterRoles, createRoles, missingRoles, readGlobals } from './globals.ts'
import { applySettings, loadDump } from './load.ts'
import { findLogin, type Login } from './login.ts'
import { type Session, withSession } from './session.ts'
import { literal } from './sql.ts'
import * as switches from './switch.ts'

const UNTOUCHED = 'The live database is untouched.'

/** Why this server cannot take the dump, found without changing anything. */
async function findBlockers(
  session: Session,
  login: Login,
  facts: PostgresFacts,
): Promise<readonly WireBlocker[]> {
  const blockers: WireBlocker[] = []
  const [server] = await session.rows<{
    readonly number: number
    readonly version: string
    readonly creator: boolean
  }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
            (select rolcreatedb or rolsuper from pg_roles where rolname = current_user) as creator`,
  )
  const major = (number: number): number => Math.floor(number / 10_000)
  if (server !== undefined && major(server.number) < major(facts.serverVersionNumber)) {
    blockers.push({
      code: 'version-mismatch',
      message: `The dump is from Postgres ${facts.serverVersion}, the server here is the older ${server.version}.`,
      hint: `Run Postgres ${major(facts.serverVersionNumber)} or newer here, then restore.`,
    })
  }
  if (server?.creator === false) {
    blockers.push({
      code: 'database-login',
      message: `The login ${login.user} may not create databases.`,
      hint: 'Set a user with the right CREATEDB, or a superuser, for this engine.',
    })
  }
  const available = await session.rows<{ readonly name: string }>(
    'select name from pg_available_extensions',
  )
  const missing = facts.extensions.filter(each =>
    available.every(other => other.name !== each.name),
  )
  if (missing.length > 0) {
    blockers.push({
      code: 'version-mismatch',
      message: `The server here lacks the extension ${missing.map(each => `${each.name} ${each.version}`).join(', ')}.`,
      hint: 'Use the image that the stack used when it was backed up, then restore.',
    })
  }
  if (!login.surroundings.tools.has(facts.dumpFormat === 'custom' ? 'pg_restore' : 'psql')) {
    blockers.push({
      code: 'tool-missing',
      message: 'There is no pg_restore in the container.',
      hint: 'Use an image that holds the Postgres client programs.',
    })
  }
  return blockers
}

/** {@link findBlockers} behind the driver's interface. */
export async function postgresBlockers(
  context: DriverContext,
  source: Pick<DumpSource, 'facts'>,
): Promise<readonly WireBlocker[]> {
  const facts = storedFacts(source.facts)
  const login = await findLogin(context)
  return withSession(context, login, login.maintenance, session =>
    findBlockers(session, login, facts),
  )
}

/** Loads a dump into a database beside the live one. */
export async function stagePostgres(
  context: DriverContext,
  source: DumpSource,
  remember: (journal: Readonly<Record<string, string>>) => Promise<void>,
): Promise<StagedDatabase> {
  const facts = storedFacts(source.facts)
  const warnings: string[] = []
  const loud: DriverContext = {
    ...context,
    warn(message) {
      warnings.push(message)
      context.warn(message)
    },
  }
  const login = await findLogin(context)
  const globals = await readGlobals(source)
  const prepared = await switches.withMaintenance(context, login, async session => {
    const [blocker] = await findBlockers(session, login, facts)
    if (blocker !== undefined) {
      throw new AppError(blocker.code as 'version-mismatch', { ...blocker, state: UNTOUCHED })
    }
    await compareServer(loud, session, facts)
    const missing = await missingRoles(session, globals)
    const planned = await switches.planSwitch(
      session,
      source.database,
      missing.map(role => role.name),
    )
    const tablespaces = await session.run(
      `select count(*) from pg_tablespace where spcname not in ('pg_default', 'pg_global')`,
    )
    const there = globals.roles.filter(role => !missing.includes(role))
    return { missing, there, planned, hasTablespaces: tablespaces !== '0' }
  })
  let switching = prepared.planned
  await remember(switches.toJournal(switching))
  try {
    await switches.withMaintenance(context, login, async session => {
      await createRoles(loud, session, prepared.missing, globals)
      if (source.freshServer === true) await alterRoles(loud, session, prepared.there)
      await createDatabase(loud, session, switching.stagedName, facts)
      const stagedId = await session.run(
        `select oid from pg_database where datname = ${literal(switching.stagedName)}`,
      )
      switching = { ...switching, stagedId }
    })
    await remember(switches.toJournal(switching))
    await loadDump(loud, login, switching.stagedName, source, facts, prepared.hasTablespaces)
    const counts = await withSession(context, login, switching.stagedName, async session => {
      await session.run('begin isolation level repeatable read read only')
      return countTables(session, context.countBudgetMs)
    })
    await applySettings(loud, login, switching.stagedName, source)
    const done = switching
    return {
      counts,
      warnings,
      journal: switches.toJournal(done),
      activate: () => switches.activate(context, login, done),
      async revert() {
        await switches.revert(context, login, done)
      },
      async finalize() {
        await switches.finalize(context, login, done)
      },
      async discard() {
        await switches.discard(context, login, done)
      },
    }
  } catch (error) {
    await cleanUp(context, login, switching)
    throw error instanceof StatementError
      ? new AppError(
          'restore-failed',
          {
            message: `The database ${source.database} could not be loaded.`,
            state: UNTOUCHED,
            hint: 'Look at the details; check the snapshot with --read-data if they speak of the data.',
            details: error.message,
          },
          error,
        )
      : error
  }
}

/** After a failure, also one that was a cancelled job: its signal must not stop the cleaning up. */
async function cleanUp(
  context: DriverContext,
  login: Login,
  switching: switches.Switching,
): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  const calm = { ...login, options: { ...login.options, signal } }
  // What cannot be cleaned up now is in the journal, which the next start works off.
  await switches.discard({ ...context, signal }, calm, switching).catch(() => undefined)
}

async function compareServer(
  context: DriverContext,
  session: Session,
  facts: PostgresFacts,
): Promise<void> {
  const rows = await session.rows<{ readonly name: string; readonly setting: string }>(
    'select name, setting from pg_settings',
  )
  const here = new Map(rows.map(row => [row.name, row.setting]))
  const different = Object.entries(facts.serverSettings).filter(
    ([name, setting]) => here.get(name) !== setting,
  )
  if (different.length === 0) return
  const list = different.map(
    ([name, setting]) => `${name} (was ${setting}, is ${here.get(name) ?? 'unknown'})`,
  )
  context.warn(`Settings of the server differ from those of the backup: ${list.join(', ')}.`)
}
