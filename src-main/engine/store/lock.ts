import { randomUUID } from 'node:crypto'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { z } from 'zod'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { codeOf, makeFolderIn, replaceFile } from '../lib/durable.ts'
import { stateOf, thisProcess } from '../lib/process-identity.ts'
import { LOCKS_FOLDER, SERVICE_FOLDER } from './layout.ts'

/** `write`: makes a snapshot. `read`: reads snapshots. `remove`: deletes snapshots. */
export type LockMode = 'write' | 'read' | 'remove'

const excludes: Readonly<Record<LockMode, readonly LockMode[]>> = {
  write: ['write', 'remove'],
  read: ['remove'],
  remove: ['write', 'read', 'remove'],
}

export interface LockRequest {
  readonly mode: LockMode
  /** Folder names. */
  readonly host: string
  readonly stack: string
  /** For whoever is refused: `backup of chatalot`. */
  readonly purpose: string
}

/** A lock that is held. */
export interface Lock {
  /** Aborted when the lock was lost (after a long sleep another program may have taken it): stop at once. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

const lockSchema = z.object({
  schemaVersion: z.literal(1),
  lock: z.string(),
  mode: z.enum(['write', 'read', 'remove']),
  host: z.string(),
  stack: z.string(),
  purpose: z.string(),
  pid: z.number().int(),
  processStart: z.string().nullable(),
  machine: z.string().nullable(),
  hostName: z.string(),
  bootId: z.string().nullable(),
  since: z.string(),
  refreshedAt: z.string(),
})
type LockRecord = z.infer<typeof lockSchema>

const refreshMs = 2 * 60 * 1000
const staleMs = 30 * 60 * 1000
/** Two that meet give way and try again. */
const attempts = 5

function folderOf(repository: string): string {
  return path.join(repository, SERVICE_FOLDER, LOCKS_FOLDER)
}

async function readLock(file: string): Promise<LockRecord | null> {
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    return lockSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

interface Found {
  readonly file: string
  /** Null when it cannot be read. */
  readonly record: LockRecord | null
  /** Time of the last refresh by the file system's own clock. */
  readonly modifiedMs: number
}

async function readLocks(repository: string): Promise<Found[]> {
  const folder = folderOf(repository)
  const names = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    names
      .filter(name => name.endsWith('.json') && !name.startsWith('.'))
      .map(async name => {
        const file = path.join(folder, name)
        const [record, stats] = await Promise.all([readLock(file), stat(file).catch(() => null)])
        return stats === null ? null : { file, record, modifiedMs: stats.mtimeMs }
      }),
  )
  return found.filter(each => each !== null)
}

/** Dead: its process is gone, or it was not refreshed for half an hour by the clock of the file system itself. */
function isDead(found: Found, nowMs: number): boolean {
  if (nowMs - found.modifiedMs > staleMs) return true
  return found.record !== null && stateOf(found.record) === 'gone'
}

function concerns(record: LockRecord | null, request: LockRequest): boolean {
  // A lock that cannot be read may concern anyone.
  if (record === null) return true
  return (
    record.host === request.host &&
    record.stack === request.stack &&
    excludes[request.mode].includes(record.mode)
  )
}

function refused(repository: string, holder: LockRecord | null, file: string): AppError {
  const who =
    holder === null
      ? 'a program that cannot be told'
      : `process ${holder.pid} on ${holder.hostName} since ${holder.since} (${holder.purpose})`
  return new AppError('locked', {
    message: `The repository ${repository} is in use by ${who}.`,
    state: NOTHING_CHANGED,
    hint: 'Wait until it has finished. A lock whose process has died is taken over by itself; one from another computer after 30 minutes.',
    details: file,
  })
}

/**
 * Locks one stack of a repository. Rejects with `locked`, which names the holder. Where the repository
 * cannot be written, reading needs no lock: nobody can remove anything either.
 */
export async function acquireLock(repository: string, request: LockRequest): Promise<Lock> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryLock(repository, request)
    } catch (error) {
      const isReadOnly = ['EROFS', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')
      if (isReadOnly && request.mode === 'read') return noLock()
      if (!(error instanceof GiveWay)) throw error
      if (!error.isMutual || attempt === attempts) throw error.refusal
      await delay(50 + Math.random() * 250 * attempt)
    }
  }
}

/** Somebody else holds or wants the lock. */
class GiveWay extends Error {
  readonly refusal: AppError
  /** True when the other came at the same moment, and may give way as well. */
  readonly isMutual: boolean

  constructor(refusal: AppError, isMutual: boolean) {
    super(refusal.message)
    this.refusal = refusal
    this.isMutual = isMutual
  }
}

async function tryLock(repository: string, request: LockRequest): Promise<Lock> {
  const folder = folderOf(repository)
  const id = randomUUID()
  const file = path.join(folder, `${id}.json`)
  const since = new Date().toISOString()
  const record = (): LockRecord => ({
    schemaVersion: 1,
    lock: id,
    ...request,
    ...thisProcess(),
    since,
    refreshedAt: new Date().toISOString(),
  })
  const write = (): Promise<void> => replaceFile(file, `${JSON.stringify(record(), null, 2)}\n`)
  await makeFolderIn(repository, path.join(SERVICE_FOLDER, LOCKS_FOLDER))
  await write()
  try {
    await giveWayToOthers(repository, request, file)
  } catch (error) {
    await rm(file, { force: true })
    throw error
  }
  return holdLock(file, write)
}

async function giveWayToOthers(
  repository: string,
  request: LockRequest,
  own: string,
): Promise<void> {
  const nowMs = (await stat(own)).mtimeMs
  for (const found of await readLocks(repository)) {
    if (found.file === own) continue
    if (isDead(found, nowMs)) await rm(found.file, { force: true })
    else if (concerns(found.record, request)) {
      const isMutual = Math.abs(nowMs - found.modifiedMs) < 2000
      throw new GiveWay(refused(repository, found.record, found.file), isMutual)
    }
  }
}

function holdLock(file: string, write: () => Promise<void>): Lock {
  const lost = new AbortController()
  let released = false
  const refresh = async (): Promise<void> => {
    const isThere = await stat(file).then(
      () => true,
      (error: unknown) => codeOf(error) !== 'ENOENT',
    )
    if (released) return
    if (isThere) {
      await write()
      return
    }
    lost.abort(
      new AppError('locked', {
        message:
          'Another program took over the lock of the repository while this one could not refresh it.',
        state:
          'What was being written is removed. Snapshots that were complete before are untouched.',
        hint: 'Repeat it; keep the computer awake while it runs.',
      }),
    )
    clearInterval(timer)
  }
  const timer = setInterval(() => void refresh().catch(() => undefined), refreshMs)
  timer.unref()
  return {
    lost: lost.signal,
    release: async () => {
      released = true
      clearInterval(timer)
      // One that cannot be removed is dead with this process, or after half an hour.
      await rm(file, { force: true }).catch(() => undefined)
    },
  }
}

function noLock(): Lock {
  return { lost: new AbortController().signal, release: () => Promise.resolve() }
}
