import { readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { LOCKS_FOLDER, SERVICE_FOLDER } from './layout.ts'

/** What `replaceFile` leaves when its program is killed. */
const temporary = /^\..+\.[0-9a-f]{12}\.new$/
/** Younger ones may be in the hands of a program that runs. */
const settledMs = 60 * 60 * 1000

/** Removes temporary files that a killed program has left in these folders. */
async function removeTemporaries(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => [])
    for (const name of names.filter(each => temporary.test(each))) {
      const file = path.join(folder, name)
      const stats = await stat(file).catch(() => null)
      if (stats === null || Date.now() - stats.mtimeMs < settledMs) continue
      await rm(file, { force: true }).catch(() => undefined)
    }
  }
}

/** Removes what killed programs have left beside the snapshots of a repository; never a snapshot, never anything foreign. */
export async function tidy(repository: string, stackFolders: readonly string[]): Promise<void> {
  const service = path.join(repository, SERVICE_FOLDER)
  await removeTemporaries([repository, service, path.join(service, LOCKS_FOLDER), ...stackFolders])
}
