import { randomBytes } from 'node:crypto'

import { AppError } from '../../../contract/errors.ts'
import { journalFields } from '../tools/journal-fields.ts'
import {
  createPrograms,
  dropPrograms,
  type Part,
  partsOf,
  savedParts,
  saveParts,
  tablesIn,
} from './programs.ts'
import type { Session } from './session.ts'
import { besideName, identifier, literal } from './sql.ts'

/**
 * The server cannot rename a database. What stands in for it: everything is loaded into a side database,
 * then all tables change places in one RENAME TABLE, which happens as a whole; views, triggers, routines
 * and events are dropped before it and made again after it, from what was written down before. See
 * docs/adr/0006-mariadb-switch.md.
 */
export interface Switching {
  readonly database: string
  readonly stagedName: string
  readonly beforeName: string
  readonly hadLive: boolean
  /** Users that were made for this restore, as SQL names them. */
  readonly users: readonly string[]
}

export async function exists(session: Session, database: string): Promise<boolean> {
  return (
    (await session.run(
      `select count(*) from information_schema.schemata where schema_name = ${literal(database)}`,
    )) !== '0'
  )
}

export async function planSwitch(
  session: Session,
  database: string,
  users: readonly string[],
): Promise<Switching> {
  const id = randomBytes(4).toString('hex')
  return {
    database,
    stagedName: besideName(database, `__lifeboat_${id}`),
    beforeName: besideName(database, `__before_${id}`),
    hadLive: await exists(session, database),
    users,
  }
}

export function toJournal(switching: Switching): Readonly<Record<string, string>> {
  const { database, stagedName, beforeName, hadLive, users } = switching
  return {
    database,
    stagedName,
    beforeName,
    hadLive: String(hadLive),
    users: JSON.stringify(users),
  }
}

export function fromJournal(journal: Readonly<Record<string, string>>): Switching {
  const text = journalFields(journal)
  return {
    database: text('database'),
    stagedName: text('stagedName'),
    beforeName: text('beforeName'),
    hadLive: text('hadLive') === 'true',
    users: JSON.parse(text('users')) as readonly string[],
  }
}

async function characterSet(session: Session, database: string): Promise<string> {
  const [row] = await session.rows(
    `select default_character_set_name, default_collation_name from information_schema.schemata where schema_name = ${literal(database)}`,
  )
  return row === undefined ? '' : `character set ${row[0] ?? ''} collate ${row[1] ?? ''}`
}

/** Moves tables in one statement: all of them or none. */
async function move(
  session: Session,
  steps: readonly (readonly [from: string, to: string, table: string])[],
): Promise<void> {
  if (steps.length === 0) return
  const list = steps.map(
    ([from, to, table]) =>
      `${identifier(from)}.${identifier(table)} to ${identifier(to)}.${identifier(table)}`,
  )
  await session.run('set session foreign_key_checks = 0')
  await session.run(`rename table ${list.join(', ')}`)
}

async function endConnections(session: Session, database: string): Promise<void> {
  const rows = await session.rows(
    `select id from information_schema.processlist where db = ${literal(database)} and id <> connection_id()`,
  )
  for (const [id = ''] of rows) await session.run(`kill connection ${id}`).catch(() => undefined)
}

/** The live tables go aside and the staged ones take their place. Safe to call again after it stopped half-way. */
export async function activate(session: Session, switching: Switching): Promise<void> {
  const { database, stagedName, beforeName } = switching
  if (!(await exists(session, stagedName))) {
    throw new AppError('restore-failed', {
      message: `The loaded copy of ${database} is gone.`,
      state: 'The live database is as it was.',
      hint: 'Run the restore again.',
    })
  }
  await session.run('set session lock_wait_timeout = 60')
  const charset = await characterSet(session, stagedName)
  const liveCharset = await characterSet(session, database)
  await session.run(
    `create database if not exists ${identifier(beforeName)} ${liveCharset || charset}`,
  )
  let parts = await savedParts(session, beforeName)
  if (parts === null) {
    const live = (await exists(session, database)) ? await partsOf(session, database) : []
    parts = { live, staged: await partsOf(session, stagedName) }
    await saveParts(session, beforeName, parts)
  }
  await session.run(`create database if not exists ${identifier(database)} ${charset}`)
  await endConnections(session, database)
  await dropPrograms(session, database)
  await dropPrograms(session, stagedName)
  const waiting = await tablesIn(session, stagedName)
  const inLive = await tablesIn(session, database)
  const moved = await tablesIn(session, beforeName)
  await move(session, [
    ...tables(parts.live)
      .filter(name => inLive.has(name) && !moved.has(name))
      .map(name => [database, beforeName, name] as const),
    ...tables(parts.staged)
      .filter(name => waiting.has(name))
      .map(name => [stagedName, database, name] as const),
  ])
  if (charset !== '') await session.run(`alter database ${identifier(database)} ${charset}`)
  await createPrograms(session, database, parts.staged)
}

function tables(parts: readonly Part[]): readonly string[] {
  return parts.filter(part => part.kind === 'table').map(part => part.name)
}

/** The former tables come back, with their views, triggers, routines and events; from wherever it stopped. */
export async function revert(session: Session, switching: Switching): Promise<string> {
  const { database, stagedName, beforeName, hadLive } = switching
  const parts = (await exists(session, beforeName)) ? await savedParts(session, beforeName) : null
  if (parts === null) {
    // Nothing is dropped or moved before everything is written down.
    await session.run(`drop database if exists ${identifier(beforeName)}`)
    return `${database}: was not switched`
  }
  const charset = await characterSet(session, beforeName)
  await session.run(`create database if not exists ${identifier(database)} ${charset}`)
  await session.run(
    `create database if not exists ${identifier(stagedName)} ${await characterSet(session, database)}`,
  )
  await endConnections(session, database)
  await dropPrograms(session, database)
  await dropPrograms(session, stagedName)
  const inLive = await tablesIn(session, database)
  const moved = await tablesIn(session, beforeName)
  const waiting = await tablesIn(session, stagedName)
  // A name that is not in the side database any more is the staged one in its new place.
  await move(session, [
    ...tables(parts.staged)
      .filter(name => inLive.has(name) && !waiting.has(name))
      .map(name => [database, stagedName, name] as const),
    ...tables(parts.live)
      .filter(name => moved.has(name))
      .map(name => [beforeName, database, name] as const),
  ])
  await createPrograms(session, stagedName, parts.staged)
  if (hadLive) {
    await session.run(`alter database ${identifier(database)} ${charset}`)
    await createPrograms(session, database, parts.live)
  } else {
    await session.run(`drop database if exists ${identifier(database)}`)
  }
  await session.run(`drop database if exists ${identifier(beforeName)}`)
  return `${database}: the former tables are back`
}

/** Drops the former tables. */
export async function finalize(session: Session, switching: Switching): Promise<string> {
  const { database, stagedName, beforeName } = switching
  const left = (await exists(session, stagedName)) ? await tablesIn(session, stagedName) : new Set()
  if (left.size > 0) {
    throw new AppError('restore-failed', {
      message: `The former tables of ${database} are not removed: the restored ones are not in their place.`,
      state: 'Both are kept.',
      hint: 'Undo the restore or run it again.',
    })
  }
  await session.run(`drop database if exists ${identifier(stagedName)}`)
  await session.run(`drop database if exists ${identifier(beforeName)}`)
  return `${database}: the former tables were removed`
}

/** Drops what was staged, and the users made for it; brings the former tables back first if need be. */
export async function discard(session: Session, switching: Switching): Promise<string> {
  const done = await revert(session, switching)
  await session.run(`drop database if exists ${identifier(switching.stagedName)}`)
  for (const user of switching.users) {
    await session.run(`drop user if exists ${user}`).catch(async () => {
      await session.run(`drop role if exists ${user}`).catch(() => undefined)
    })
  }
  return done
}
