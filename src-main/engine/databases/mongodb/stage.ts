import { AppError } from '../../../contract/errors.ts'
import type { WireBlocker } from '../../../contract/model.ts'
import type { DriverContext, DumpSource, StagedDatabase } from '../database.ts'
import { journalFields } from '../tools/journal-fields.ts'
import { isOlder } from '../tools/release-series.ts'
import { type Connection, ServerError } from './connection.ts'
import { type MongoFacts, serverState, storedFacts } from './facts.ts'
import { loadArchive, type Loaded } from './load.ts'
import { findLogin, type Login, withConnection } from './login.ts'
import { newId } from './names.ts'
import { setPhase, writeEntries } from './plan.ts'
import * as switches from './switch.ts'
import * as people from './users.ts'
import { namesIn } from './write.ts'

const UNTOUCHED = 'The live database is untouched.'
const CLEAN_UP_MS = 60_000

/** What the journal holds: the switch, and who was made for this restore. */
interface Staging extends switches.Switching {
  readonly users: readonly people.PersonName[]
  readonly roles: readonly people.PersonName[]
}

function toJournal(staging: Staging): Readonly<Record<string, string>> {
  return {
    database: staging.database,
    id: staging.id,
    existed: String(staging.existed),
    users: JSON.stringify(staging.users),
    roles: JSON.stringify(staging.roles),
  }
}

function fromJournal(journal: Readonly<Record<string, string>>): Staging {
  const text = journalFields(journal)
  return {
    database: text('database'),
    id: text('id'),
    existed: text('existed') === 'true',
    users: JSON.parse(text('users')) as Staging['users'],
    roles: JSON.parse(text('roles')) as Staging['roles'],
  }
}

async function findBlockers(
  connection: Connection,
  facts: MongoFacts,
): Promise<readonly WireBlocker[]> {
  const { version, writable } = await serverState(connection)
  const blockers: WireBlocker[] = []
  if (isOlder(version, facts.serverVersion)) {
    blockers.push({
      code: 'version-mismatch',
      message: `The dump is from MongoDB ${facts.serverVersion}, the server here is the older ${version}.`,
      hint: `Run MongoDB ${facts.serverVersion} or newer here, then restore.`,
    })
  }
  if (!writable) {
    blockers.push({
      code: 'not-supported',
      message: 'The server here cannot be written to: it is not the primary of its replica set.',
      hint: 'Restore into the container of the primary; initiate the replica set if it is new.',
    })
  }
  return blockers
}

/** {@link findBlockers} behind the driver's interface. */
export async function mongodbBlockers(
  context: DriverContext,
  source: Pick<DumpSource, 'facts'>,
): Promise<readonly WireBlocker[]> {
  const facts = storedFacts(source.facts)
  const login = await findLogin(context)
  return withConnection(login, connection => findBlockers(connection, facts))
}

/** Loads a dump into collections beside the live ones. */
export async function stageMongodb(
  context: DriverContext,
  source: DumpSource,
  remember: (journal: Readonly<Record<string, string>>) => Promise<void>,
): Promise<StagedDatabase> {
  const facts = storedFacts(source.facts)
  const login = await findLogin(context)
  const warnings: string[] = []
  const warn = (message: string): void => {
    warnings.push(message)
    context.warn(message)
  }
  const { staging, missing } = await withConnection(login, async connection => {
    const [blocker] = await findBlockers(connection, facts)
    if (blocker !== undefined) {
      throw new AppError(blocker.code as 'version-mismatch', { ...blocker, state: UNTOUCHED })
    }
    return plan(connection, source, warn)
  })
  await remember(toJournal(staging))
  try {
    const { counts } = await withConnection(login, async connection => {
      await createUsers(connection, staging.id, missing, warn)
      return load(connection, source, staging)
    })
    const act = (step: (connection: Connection, of: Staging) => Promise<unknown>) => async () => {
      await withConnection(login, connection => step(connection, staging))
    }
    return {
      counts: { values: counts, exact: facts.pointInTime && facts.exceptions.length === 0 },
      warnings,
      journal: toJournal(staging),
      activate: act(switches.activate),
      revert: act(switches.revert),
      finalize: act(switches.finalize),
      discard: act(discard),
    }
  } catch (error) {
    await cleanUp(login, staging)
    throw error instanceof ServerError ? failed(source.database, error) : error
  }
}

async function plan(
  connection: Connection,
  source: DumpSource,
  warn: (message: string) => void,
): Promise<{ readonly staging: Staging; readonly missing: people.MissingUsers }> {
  const { database } = source
  const missing = await people.missingUsers(connection, source).catch((error: unknown) => {
    if (!(error instanceof ServerError)) throw error
    warn('The login may not read users and roles: those of the snapshot were not compared.')
    return { users: [], roles: [] }
  })
  const there = await namesIn(connection, database)
  const staging = {
    database,
    id: newId(),
    existed: there.size > 0,
    users: people.namesOf(missing.users, 'user'),
    roles: people.namesOf(missing.roles, 'role'),
  }
  return { staging, missing }
}

async function createUsers(
  connection: Connection,
  id: string,
  missing: people.MissingUsers,
  warn: (message: string) => void,
): Promise<void> {
  await people.createUsers(connection, id, missing).catch((error: unknown) => {
    if (!(error instanceof ServerError)) throw error
    warn(`Users and roles of the snapshot could not be made here: ${error.message}`)
  })
}

async function load(
  connection: Connection,
  source: DumpSource,
  { database, id }: Staging,
): Promise<Loaded> {
  const loaded = await loadArchive(connection, source, id)
  await writeEntries(connection, database, id, 'new', loaded.entries)
  await setPhase(connection, database, id, 'staged')
  return loaded
}

async function discard(connection: Connection, staging: Staging): Promise<string> {
  const done = await switches.discard(connection, staging)
  await people.dropHelpers(connection, staging.id)
  await people.dropUsers(connection, staging.users, staging.roles)
  return done
}

async function cleanUp(login: Login, staging: Staging): Promise<void> {
  // Also after a cancelled job: its signal must not stop the cleaning up. What cannot be cleaned up now
  // is in the journal, which the next start works off.
  const signal = AbortSignal.timeout(CLEAN_UP_MS)
  await withConnection(login, connection => discard(connection, staging), signal).catch(
    () => undefined,
  )
}

function failed(database: string, cause: ServerError): AppError {
  return new AppError(
    'restore-failed',
    {
      message: `The database ${database} could not be loaded.`,
      state: UNTOUCHED,
      hint: 'Look at the details; check the snapshot with --read-data if they speak of the data.',
      details: cause.message,
    },
    cause,
  )
}

/** After a crash: puts things back by the journal. */
export async function recoverMongodb(
  context: DriverContext,
  journal: Readonly<Record<string, string>>,
  action: 'revert' | 'discard' | 'finalize',
): Promise<string> {
  const login = await findLogin(context)
  const { revert, finalize } = switches
  const act = { revert, finalize, discard }[action]
  return withConnection(login, connection => act(connection, fromJournal(journal)))
}
