import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

/** Flushes a folder, so that names made or changed in it survive a power cut. A no-op where folders cannot be flushed. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch((error: unknown) => {
    if (process.platform === 'win32') return null
    throw error
  })
  if (handle === null) return
  try {
    await handle.sync()
  } catch (error) {
    // Windows and some network file systems have no such call for folders.
    if (!['EINVAL', 'EPERM', 'ENOTSUP', 'EISDIR', 'EBADF'].includes(codeOf(error) ?? ''))
      throw error
  } finally {
    await handle.close()
  }
}

/** Makes a folder, and those above it, with 0700; no failure when it is there. Unlike Node's own it keeps the error of the system (`EROFS`). */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' && folder !== path.dirname(folder)) {
      await makeFolder(path.dirname(folder))
      await makeFolder(folder)
    } else if (!(await stat(folder).catch(() => null))?.isDirectory()) throw error
  }
}

/** Makes a folder below one that must exist: a disk that went away is not made anew on the disk below it. */
export async function makeFolderIn(root: string, relative: string): Promise<void> {
  let folder = root
  for (const segment of path.normalize(relative).split(path.sep)) {
    folder = path.join(folder, segment)
    await mkdir(folder, { mode: 0o700 }).catch(async (error: unknown) => {
      if (!(await stat(folder).catch(() => null))?.isDirectory()) throw error
    })
  }
}

/** Creates a file, writes it and flushes it; fails when it exists. */
export async function writeNew(
  file: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  const handle = await open(file, 'wx', mode)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replaces a file in one moment: whoever reads it sees the former or the new content, whole. */
export async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  const folder = path.dirname(file)
  const temporary = path.join(
    folder,
    `.${path.basename(file)}.${randomBytes(6).toString('hex')}.new`,
  )
  try {
    await writeNew(temporary, content)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
  await syncFolder(folder)
}

/** The system's code of an error (`ENOSPC`), or null. */
export function codeOf(error: unknown): string | null {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : null
}
