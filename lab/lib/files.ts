import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** True when something is at this path. */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** The first file below the folder whose relative path matches. Throws when there is none. */
export async function findFile(folder: string, pattern: RegExp): Promise<string> {
  const names = await readdir(folder, { recursive: true })
  const name = names.find(path => pattern.test(path))
  if (name === undefined) throw new Error(`${folder} holds no file like ${pattern.source}`)
  return join(folder, name)
}

/** A folder that is there whole or not at all: `make` fills it under another name first. */
export async function ensureFolder(
  folder: string,
  make: (partial: string) => Promise<void>,
): Promise<void> {
  if (await exists(folder)) return
  const partial = `${folder}.partial`
  await mkdir(dirname(folder), { recursive: true })
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial)
  await make(partial)
  await rename(partial, folder)
}
