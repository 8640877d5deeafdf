import { AppError } from '../../../contract/errors.ts'
import { listCollections, listIndexes, storedIn } from './collections.ts'
import type { Connection } from './connection.ts'
import { newName, oldName, planName } from './names.ts'
import { type Entry, type Plan, readPlan, setPhase, writeEntries } from './plan.ts'
import { copy, create, createIndexes, drop, isCopied, namesIn, rename } from './write.ts'

/** One database on its way from staged to live; everything else is in the plan beside the data. */
export interface Switching {
  readonly database: string
  readonly id: string
  /** False when there was no database of this name. */
  readonly existed: boolean
}

/** Gives what was loaded its names; what was there is kept aside. */
export async function activate(connection: Connection, switching: Switching): Promise<void> {
  const { database, id } = switching
  const plan = await readPlan(connection, database, id)
  if (plan?.phase === 'active') return
  if (plan?.phase !== 'staged') {
    throw new AppError('restore-failed', {
      message: `The loaded copy of ${database} is gone or half in place.`,
      state: 'What is there was not touched.',
      hint: 'Undo the restore, or run it again.',
    })
  }
  const live = await listCollections(connection, database)
  const old: Entry[] = []
  for (const [index, each] of live.entries()) {
    // A renamed collection keeps its indexes.
    const indexes = isCopied(each) ? await listIndexes(connection, database, each) : []
    old.push({ ...each, side: 'old', index, indexes })
  }
  await writeEntries(connection, database, id, 'old', old)
  await setPhase(connection, database, id, 'moving')
  for (const entry of old) await putAside(connection, database, id, entry)
  await setPhase(connection, database, id, 'placing')
  for (const entry of plan.entries.filter(each => each.side === 'new')) {
    await place(connection, database, entry, newName(id, entry.index))
  }
  await setPhase(connection, database, id, 'active')
}

/** Takes one that was there from its name, and keeps it. */
async function putAside(
  connection: Connection,
  database: string,
  id: string,
  entry: Entry,
): Promise<void> {
  const aside = oldName(id, entry.index)
  if (entry.type === 'view') {
    await drop(connection, database, entry.name)
  } else if (isCopied(entry)) {
    // The server copies by itself, and the copy appears whole or not at all.
    await connection.run(database, {
      aggregate: storedIn(entry),
      pipeline: [{ $out: aside }],
      cursor: {},
    })
    await removeCopied(connection, database, entry)
  } else {
    await rename(connection, database, entry.name, aside)
  }
}

/** Gives an entry that is kept as `kept` its own name. What is copied stays there as well. */
async function place(
  connection: Connection,
  database: string,
  entry: Entry,
  kept: string,
): Promise<void> {
  const { name, type, options, indexes } = entry
  if (type === 'view') {
    await create(connection, database, name, options)
  } else if (isCopied(entry)) {
    if (type === 'timeseries') await create(connection, database, name, options)
    await copy(connection, database, kept, storedIn(entry))
    if (type === 'timeseries') await createIndexes(connection, database, name, indexes)
  } else {
    await rename(connection, database, kept, name)
  }
}

async function removeCopied(
  connection: Connection,
  database: string,
  { name, type }: Entry,
): Promise<void> {
  if (type === 'timeseries') await drop(connection, database, name)
  else await connection.run(database, { delete: name, deletes: [{ q: {}, limit: 0 }] })
}

/** Brings back what was there, from wherever `activate` stopped. Returns what was done, in words. */
export async function revert(connection: Connection, switching: Switching): Promise<string> {
  const { database, id } = switching
  const plan = await readPlan(connection, database, id)
  if (plan === null || plan.phase === 'staged') return `${database}: nothing was switched`
  if (plan.phase === 'finalizing') {
    throw new AppError('restore-failed', {
      message: `What was in ${database} before is being removed and cannot be brought back by renaming.`,
      state: 'The restored database is in place.',
      hint: 'Restore the safety snapshot of this restore.',
    })
  }
  if (plan.phase !== 'moving') {
    await withdraw(connection, switching, plan)
    await setPhase(connection, database, id, 'moving')
  }
  const names = await namesIn(connection, database)
  for (const entry of plan.entries.filter(each => each.side === 'old')) {
    const aside = oldName(id, entry.index)
    if (entry.type === 'view') {
      if (!names.has(entry.name)) await place(connection, database, entry, aside)
    } else if (names.has(aside)) {
      // What a copy left half done is done again; the copy that is kept goes last.
      if (isCopied(entry)) await removeCopied(connection, database, entry)
      await place(connection, database, entry, aside)
      await drop(connection, database, aside)
    }
  }
  await setPhase(connection, database, id, 'staged')
  return `${database}: what was there before is back`
}

/** Takes what was loaded from its names; it is kept. */
async function withdraw(
  connection: Connection,
  { database, id }: Switching,
  plan: Plan,
): Promise<void> {
  const names = await namesIn(connection, database)
  for (const entry of plan.entries.filter(each => each.side === 'new')) {
    const kept = newName(id, entry.index)
    if (!names.has(entry.name)) continue
    if (entry.type === 'view') await drop(connection, database, entry.name)
    else if (isCopied(entry)) await removeCopied(connection, database, entry)
    else if (!names.has(kept)) await rename(connection, database, entry.name, kept)
  }
}

/** Drops what was there before. */
export async function finalize(connection: Connection, switching: Switching): Promise<string> {
  const { database, id } = switching
  const plan = await readPlan(connection, database, id)
  if (plan === null) return `${database}: nothing left to remove`
  if (plan.phase !== 'active' && plan.phase !== 'finalizing') {
    throw new AppError('restore-failed', {
      message: `What was in ${database} before is not removed: the restored data is not in its place.`,
      state: 'Both are kept.',
      hint: 'Undo the restore or run it again.',
    })
  }
  await setPhase(connection, database, id, 'finalizing')
  await dropOurs(connection, switching)
  return `${database}: what was there before was removed`
}

/** Drops what was loaded; brings back what was there before if need be. */
export async function discard(connection: Connection, switching: Switching): Promise<string> {
  const before = await revert(connection, switching)
  await dropOurs(connection, switching)
  if (!switching.existed) {
    // A view leaves a collection of the server behind, and with it the database.
    const left = await namesIn(connection, switching.database)
    if (left.size > 0 && [...left].every(name => name === 'system.views')) {
      await connection.run(switching.database, { dropDatabase: 1 })
    }
  }
  return before
}

async function dropOurs(connection: Connection, { database, id }: Switching): Promise<void> {
  const plan = planName(id)
  const start = plan.slice(0, plan.indexOf('.') + 1)
  for (const name of await namesIn(connection, database)) {
    if (name.startsWith(start) && name !== plan) await drop(connection, database, name)
  }
  await drop(connection, database, plan)
}
