import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

import { AppError } from '../../../contract/errors.ts'
import type { DriverContext } from '../database.ts'
import { journalFields } from '../tools/journal-fields.ts'
import type { Login } from './login.ts'
import { type Session, withSession } from './session.ts'
import { besideName, identifier, literal } from './sql.ts'

/**
 * One database on its way from staged to live, by what the server knows it as: names change on the way,
 * object ids do not. So every step can look where things stand, and do what is left to do.
 */
export interface Switching {
  readonly database: string
  readonly stagedName: string
  readonly beforeName: string
  /** Null while it is not made (or when the journal was written before it was). */
  readonly stagedId: string | null
  /** Null when there was no database of this name. */
  readonly liveId: string | null
  /** Whether connections to the live one were allowed before. */
  readonly liveAllowed: boolean
  /** Roles that were made for this restore. */
  readonly roles: readonly string[]
}

const TERMINATE_MS = 30_000

/** Looks at the live database and chooses the names beside it. */
export async function planSwitch(
  session: Session,
  database: string,
  roles: readonly string[],
): Promise<Switching> {
  const id = randomBytes(4).toString('hex')
  const [live] = await session.rows<{ readonly id: string; readonly allowed: boolean }>(
    `select oid::text as id, datallowconn as allowed from pg_database where datname = ${literal(database)}`,
  )
  return {
    database,
    stagedName: besideName(database, `__lifeboat_${id}`),
    beforeName: besideName(database, `__before_${id}`),
    stagedId: null,
    liveId: live?.id ?? null,
    liveAllowed: live?.allowed ?? true,
    roles,
  }
}

/** The journal's form: flat text, so that it can be kept anywhere. */
export function toJournal(switching: Switching): Readonly<Record<string, string>> {
  return {
    database: switching.database,
    stagedName: switching.stagedName,
    beforeName: switching.beforeName,
    stagedId: switching.stagedId ?? '',
    liveId: switching.liveId ?? '',
    liveAllowed: String(switching.liveAllowed),
    roles: JSON.stringify(switching.roles),
  }
}

export function fromJournal(journal: Readonly<Record<string, string>>): Switching {
  const text = journalFields(journal)
  return {
    database: text('database'),
    stagedName: text('stagedName'),
    beforeName: text('beforeName'),
    stagedId: text('stagedId') || null,
    liveId: text('liveId') || null,
    liveAllowed: text('liveAllowed') === 'true',
    roles: JSON.parse(text('roles')) as readonly string[],
  }
}

/** A database that no step touches, to work from: one may not rename what one is connected to. */
export async function withMaintenance<T>(
  context: DriverContext,
  login: Login,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withSession(context, login, 'template1', work)
}

interface Standing {
  readonly staged: string | null
  readonly live: string | null
  /** Id of whatever has the database's name now. */
  readonly holder: string | null
}

async function look(session: Session, switching: Switching): Promise<Standing> {
  const rows = await session.rows<{ readonly id: string; readonly name: string }>(
    'select oid::text as id, datname as name from pg_database',
  )
  const byId = (id: string | null): string | null => rows.find(row => row.id === id)?.name ?? null
  const stagedName =
    switching.stagedId === null
      ? (rows.find(row => row.name === switching.stagedName)?.name ?? null)
      : byId(switching.stagedId)
  return {
    staged: stagedName,
    live: byId(switching.liveId),
    holder: rows.find(row => row.name === switching.database)?.id ?? null,
  }
}

async function setAllowed(session: Session, name: string, allowed: boolean): Promise<void> {
  await session.run(`alter database ${identifier(name)} with allow_connections ${allowed}`)
}

/** Ends all connections to a database and waits until they are gone. New ones must be blocked before. */
async function emptyOut(session: Session, name: string): Promise<void> {
  const deadline = performance.now() + TERMINATE_MS
  const connected = `from pg_stat_activity where datname = ${literal(name)} and pid <> pg_backend_pid()`
  for (;;) {
    await session.run(`select count(pg_terminate_backend(pid)) ${connected}`)
    if ((await session.run(`select count(*) ${connected}`)) === '0') return
    if (performance.now() > deadline) {
      throw new AppError('busy-target', {
        message: `Connections to the database ${name} could not be ended.`,
        state: 'The live database is as it was.',
        hint: 'Stop the program that holds them (see pg_stat_activity), then run the restore again.',
      })
    }
    await delay(100)
  }
}

/** Two renames in one transaction: at no moment is the name without a database, or with the wrong one. */
async function rename(
  session: Session,
  steps: readonly (readonly [from: string, to: string])[],
): Promise<void> {
  await session.run('begin')
  try {
    for (const [from, to] of steps) {
      await session.run(`alter database ${identifier(from)} rename to ${identifier(to)}`)
    }
    await session.run('commit')
  } catch (error) {
    await session.run('rollback')
    throw error
  }
}

/** Gives the staged database the live one's name; the live one is kept aside, closed to connections. */
export async function activate(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<void> {
  await withMaintenance(context, login, async session => {
    const { staged, live } = await look(session, switching)
    if (staged === switching.database) return
    if (staged === null) {
      throw new AppError('restore-failed', {
        message: `The loaded copy of ${switching.database} is gone.`,
        state: 'The live database is as it was.',
        hint: 'Run the restore again.',
      })
    }
    if (live === null) {
      await emptyOut(session, staged)
      await rename(session, [[staged, switching.database]])
      return
    }
    await setAllowed(session, live, false)
    try {
      await emptyOut(session, live)
      await emptyOut(session, staged)
      await rename(session, [
        [live, switching.beforeName],
        [staged, switching.database],
      ])
    } catch (error) {
      await setAllowed(session, live, switching.liveAllowed)
      throw error
    }
  })
}

/** Puts the former database back under its name, from wherever `activate` stopped. */
export async function revert(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<string> {
  return withMaintenance(context, login, async session => {
    const { staged, live } = await look(session, switching)
    const active = staged === switching.database
    if (live === null) {
      if (active && switching.liveId !== null) {
        throw new AppError('restore-failed', {
          message: `The former database ${switching.database} is gone and cannot be brought back by renaming.`,
          state: 'The restored database is in place.',
          hint: 'Restore the safety snapshot of this restore.',
        })
      }
      if (!active) return `${switching.database}: nothing was switched`
      await setAllowed(session, staged, false)
      await emptyOut(session, staged)
      await rename(session, [[staged, switching.stagedName]])
      await setAllowed(session, switching.stagedName, true)
      return `${switching.database}: put aside again; there was none before`
    }
    if (live !== switching.database) {
      if (active) {
        await setAllowed(session, staged, false)
        await emptyOut(session, staged)
      }
      await rename(session, [
        ...(active ? [[staged, switching.stagedName] as const] : []),
        [live, switching.database],
      ])
    }
    await setAllowed(session, switching.database, switching.liveAllowed)
    if (active) await setAllowed(session, switching.stagedName, true)
    return live === switching.database
      ? `${switching.database}: was not switched, open to connections`
      : `${switching.database}: the former database is back`
  })
}

/** Drops the former database. */
export async function finalize(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<string> {
  return withMaintenance(context, login, async session => {
    const { staged, live } = await look(session, switching)
    if (live === null) return `${switching.database}: nothing left to remove`
    if (live !== switching.beforeName || staged !== switching.database) {
      throw new AppError('restore-failed', {
        message: `The former database ${switching.database} is not removed: the restored one is not in its place.`,
        state: 'Both databases are kept.',
        hint: 'Undo the restore or run it again.',
      })
    }
    await drop(session, live)
    return `${switching.database}: the former database was removed`
  })
}

/** Drops what was staged, and the roles made for it; brings the former database back first if need be. */
export async function discard(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<string> {
  const before = await revert(context, login, switching)
  return withMaintenance(context, login, async session => {
    const { staged } = await look(session, switching)
    // Its name is random and ours: nothing else can have it.
    if (staged === switching.stagedName) await drop(session, staged)
    for (const role of switching.roles) {
      // Another database of the same restore may still use it; the last one to be discarded drops it.
      await session.run(`drop role if exists ${identifier(role)}`).catch((error: unknown) => {
        if (error instanceof AppError) throw error
      })
    }
    return before
  })
}

async function drop(session: Session, name: string): Promise<void> {
  const marked = await session.run(
    `select count(*) from pg_database where datname = ${literal(name)} and datistemplate`,
  )
  if (marked !== '0') await session.run(`alter database ${identifier(name)} is_template false`)
  await setAllowed(session, name, false)
  await emptyOut(session, name)
  await session.run(`drop database if exists ${identifier(name)}`)
}
