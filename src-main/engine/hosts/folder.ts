import { access, constants, stat } from 'node:fs/promises'

import { NOTHING_CHANGED } from '../../contract/errors.ts'
import type { HostSummary } from '../../contract/model.ts'
import type { FolderHost } from './host.ts'
import { HostError } from './host-error.ts'

/** A folder on this computer as a host. Rejects with `host-unreachable` when it is not there, no folder, or not readable. */
export async function openFolder(folder: string, summary: HostSummary): Promise<FolderHost> {
  const fail = (what: string, hint: string, cause?: unknown): HostError =>
    new HostError(
      'host-unreachable',
      'folder-missing',
      { message: `The folder ${folder} ${what}.`, state: NOTHING_CHANGED, hint },
      cause,
    )
  try {
    const info = await stat(folder)
    if (!info.isDirectory()) throw fail('is a file', 'Name the folder that holds the stacks.')
    await access(folder, constants.R_OK | constants.X_OK)
  } catch (error) {
    if (error instanceof HostError) throw error
    const code = (error as { code?: unknown }).code
    throw code === 'EACCES' || code === 'EPERM'
      ? fail(
          'may not be read by you',
          'Correct its owner or mode, or run as a user who may.',
          error,
        )
      : fail('is not there', 'Check the path; after folder: comes the whole path.', error)
  }
  return { kind: 'folder', summary, path: folder, close: () => Promise.resolve() }
}
