import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { waitFor } from './wait.ts'

/** True while a process with this id exists (also when it belongs to somebody else). */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Runs `work` while this process alone holds the lock file. Waits for another holder up to
 * `timeoutMs`; a lock whose process is gone is taken over.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  timeoutMs = 45 * 60_000,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true })
  await waitFor(`the lock ${file}`, () => takeLock(file), { timeoutMs, everyMs: 250 })
  try {
    return await work()
  } finally {
    if ((await lockHolder(file)) === process.pid) await rm(file, { force: true })
  }
}

/** The process that holds the lock file, when one does. */
export async function lockHolder(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return isAlive(pid) ? pid : undefined
}

async function takeLock(file: string): Promise<boolean> {
  try {
    await writeFile(file, `${process.pid}\n`, { flag: 'wx' })
    // Two that find a stale lock at once may each remove the other's; who is there after a moment has it.
    await sleep(30)
    return (await lockHolder(file)) === process.pid
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if ((await lockHolder(file)) === undefined) await rm(file, { force: true })
    return false
  }
}
