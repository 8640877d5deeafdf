import type { Dirent } from 'node:fs'
import { lstat, open, readdir } from 'node:fs/promises'
import path from 'node:path'

import type { StackFile } from '../inventory.ts'

/** An SQLite file in a scanned folder. */
export interface ScannedSqlite {
  /** Relative, forward slashes. */
  readonly path: string
  readonly sizeBytes: number
  readonly hasLog: boolean
}

/** What lies in a folder of this computer. */
export interface FolderScan {
  readonly folder: string
  readonly sqlite: readonly ScannedSqlite[]
  /** Compose files, env files and secrets. */
  readonly files: readonly StackFile[]
  /** Of everything in it, leaving out `leaveOut`. */
  readonly sizeBytes: number
  /** Paths that this user may not read, absolute; the first few. */
  readonly unreadable: readonly string[]
}

const SQLITE_HEADER = 'SQLite format 3\0'
const UNREADABLE_KEPT = 5

export const composeNames: ReadonlySet<string> = new Set([
  ...['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'],
  ...['compose.override.yaml', 'compose.override.yml'],
  ...['docker-compose.override.yml', 'docker-compose.override.yaml'],
])

/** `.env` and `.env.production`, but not what is only an example. */
export function isEnvName(name: string): boolean {
  return /^\.env(?:\.|$)/.test(name) && !/\.(?:example|sample|template|dist|bak)$/i.test(name)
}

function isSecret(relative: string): boolean {
  const parts = relative.split('/')
  const name = parts.at(-1) ?? ''
  // Keys inside libraries are examples and test data.
  if (parts.some(each => ['node_modules', 'vendor', '.git'].includes(each))) return false
  return (
    parts.slice(0, -1).some(each => /^\.?secrets?$/i.test(each)) ||
    /\.(?:key|p12|pfx|jks|kdbx)$/i.test(name) ||
    /^id_(?:rsa|ed25519|ecdsa)$/.test(name)
  )
}

/** True when a file begins as every SQLite database does. */
export async function isSqlite(file: string): Promise<boolean> {
  const handle = await open(file, 'r')
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0)
    return bytesRead === 16 && buffer.toString('latin1') === SQLITE_HEADER
  } finally {
    await handle.close()
  }
}

/** Walks a folder, following no links. `leaveOut`: absolute paths of folders that are not entered. */
export async function scanFolder(
  folder: string,
  leaveOut: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<FolderScan> {
  const sqlite: ScannedSqlite[] = []
  const files: StackFile[] = []
  const unreadable: string[] = []
  let sizeBytes = 0
  const refuse = (where: string): void => {
    if (unreadable.length < UNREADABLE_KEPT) unreadable.push(where)
  }

  async function visitFile(full: string, siblings: ReadonlySet<string>): Promise<void> {
    const relative = path.relative(folder, full).split(path.sep).join('/')
    const name = path.basename(full)
    const info = await lstat(full)
    sizeBytes += info.size
    if (!info.isFile()) return
    const inTop = !relative.includes('/')
    const kind =
      inTop && composeNames.has(name)
        ? 'compose'
        : inTop && isEnvName(name)
          ? 'env'
          : isSecret(relative)
            ? 'secrets'
            : null
    if (kind !== null) {
      const { size, mode, uid, gid } = info
      files.push({ kind, path: full, exists: true, sizeBytes: size, mode: mode & 0o7777, uid, gid })
    }
    if (info.size >= 100 && (await isSqlite(full))) {
      const hasLog = siblings.has(`${name}-wal`) || siblings.has(`${name}-journal`)
      sqlite.push({ path: relative, sizeBytes: info.size, hasLog })
    }
  }

  async function visit(directory: string): Promise<void> {
    signal.throwIfAborted()
    let entries: Dirent[]
    try {
      entries = await readdir(directory, { withFileTypes: true })
    } catch {
      refuse(directory)
      return
    }
    const names = new Set(entries.map(each => each.name))
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const full = path.join(directory, entry.name)
      if (leaveOut.has(full) || entry.name.startsWith('.lifeboat-')) continue
      if (entry.isDirectory()) {
        await visit(full)
        continue
      }
      await visitFile(full, names).catch((error: unknown) => {
        // What went away while the folder is read was not there.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') refuse(full)
      })
    }
  }

  await visit(folder)
  return { folder, sqlite, files, sizeBytes, unreadable }
}
