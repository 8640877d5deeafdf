import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

const PREFIX = 'lifeboat-ssh-'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * A folder that only the user can open, for the sockets of one connection; the path is short because
 * socket paths may have some hundred bytes only. Folders that killed runs left behind are removed.
 */
export async function privateFolder(): Promise<string> {
  const base = os.tmpdir()
  const names = await readdir(base).catch((): string[] => [])
  for (const name of names) {
    const pid = /^lifeboat-ssh-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) {
      await rm(path.join(base, name), { recursive: true, force: true }).catch(() => undefined)
    }
  }
  return mkdtemp(path.join(base, `${PREFIX}${process.pid}-`))
}
