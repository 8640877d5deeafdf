import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Short hash of values that make up a recipe; the same recipe gives the same hash everywhere. */
export function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) {
    hash.update(`${part.length}:`)
    hash.update(part)
  }
  return hash.digest('hex').slice(0, 16)
}

/** Hash over names, execute bits and contents of all files in a folder. */
export async function hashOfFolder(folder: string): Promise<string> {
  const parts: (string | Uint8Array)[] = []
  const names = (await readdir(folder, { recursive: true })).sort()
  for (const name of names) {
    const path = join(folder, name)
    const info = await stat(path)
    if (!info.isFile()) continue
    parts.push(name, (info.mode & 0o111) === 0 ? 'file' : 'program', await readFile(path))
  }
  return hashOf(...parts)
}
