import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'

/**
 * A digest of what a folder of this computer (or one file) is by its i-nodes, sizes and times. Equal ones
 * before and after a copy tell that nothing was made, changed or removed meanwhile. `leaveOut`: paths inside
 * that are passed over. Links are not followed.
 */
export async function fingerprint(
  root: string,
  leaveOut: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256')
  const passed = new Set(leaveOut)
  async function visit(inside: string): Promise<void> {
    signal.throwIfAborted()
    const full = path.join(root, inside)
    const info = await lstat(full, { bigint: true }).catch(gone)
    hash.update(`${inside}\0${info === null ? 'gone' : identity(info)}\0`)
    if (info?.isDirectory() !== true) return
    const names = await readdir(full).catch(gone)
    for (const name of (names ?? []).toSorted()) {
      const child = inside === '' ? name : `${inside}/${name}`
      if (!passed.has(child)) await visit(child)
    }
  }
  await visit('')
  return hash.digest('hex')
}

function identity(info: BigIntStats): string {
  return [info.dev, info.ino, info.mode, info.size, info.mtimeNs, info.ctimeNs].join(' ')
}

function gone(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
  throw error
}
