import { randomUUID } from 'node:crypto'
import { lstat, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { codeOf, makeFolder, replaceFile } from '../lib/durable.ts'
import { REPOSITORY_FILE } from './layout.ts'
import { storageError } from './storage-error.ts'

export const REPOSITORY_VERSION = 1
export const REPOSITORY_SCHEMA = 'urn:lifeboat:schema:repository:1'

/** `lifeboat-repository.json`. */
export const repositorySchema = z.strictObject({
  $schema: z.literal(REPOSITORY_SCHEMA),
  schemaVersion: z.literal(REPOSITORY_VERSION),
  /** Made once; remembered by those who write, so that an empty mount point is told from the disk. */
  id: z.uuid(),
  createdAt: z.iso.datetime(),
  /** Version of Lifeboat that made it. */
  createdBy: z.string(),
  /** age recipients that every artifact is encrypted for. */
  recipients: z.array(z.string()),
})
export type RepositoryFile = z.infer<typeof repositorySchema>

/** What operating systems put into folders by themselves. */
const systemFiles = new Set([
  '.DS_Store',
  '.Spotlight-V100',
  '.TemporaryItems',
  '.Trashes',
  '.fseventsd',
  '$RECYCLE.BIN',
  'System Volume Information',
  'Thumbs.db',
  'desktop.ini',
  'lost+found',
  '@eaDir',
])

function isSystemFile(name: string): boolean {
  return systemFiles.has(name) || name.startsWith('.Trash-') || name.startsWith('._')
}

const pickHint = 'Choose another folder with --repo, or in the settings.'

function missing(folder: string): AppError {
  return new AppError('repository-missing', {
    message: `There is no repository in ${folder}.`,
    state: NOTHING_CHANGED,
    hint: 'Name the folder that holds lifeboat-repository.json with --repo; the first backup makes one.',
  })
}

function unreadable(file: string, cause: unknown): AppError {
  return new AppError(
    'repository-unreadable',
    {
      message: `${file} cannot be read.`,
      state: NOTHING_CHANGED,
      hint: 'Put the file back from a copy of the repository. The snapshots beside it open with stock tools as their RESTORE.md says.',
      details: cause instanceof Error ? cause.message : String(cause),
    },
    cause,
  )
}

/** The version of a file that is newer than this program knows; null for one that it may read. */
export function newerVersion(value: unknown, known: number): number | null {
  const version = (value as { readonly schemaVersion?: unknown } | null)?.schemaVersion
  return typeof version === 'number' && version > known ? version : null
}

/** For a file of a higher format version. */
export function tooNew(what: string, version: number): AppError {
  return new AppError('repository-too-new', {
    message: `${what} was written by a newer Lifeboat (format ${version}).`,
    state: NOTHING_CHANGED,
    hint: 'Update Lifeboat on this computer, then try again.',
  })
}

/** Reads the repository's file; null when there is none. */
export async function readRepositoryFile(folder: string): Promise<RepositoryFile | null> {
  const file = path.join(folder, REPOSITORY_FILE)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw unreadable(file, error)
  }
  try {
    const value: unknown = JSON.parse(text)
    const newer = newerVersion(value, REPOSITORY_VERSION)
    if (newer !== null) throw tooNew(`The repository ${folder}`, newer)
    return repositorySchema.parse(value)
  } catch (error) {
    throw error instanceof AppError ? error : unreadable(file, error)
  }
}

async function contentOf(folder: string): Promise<readonly string[] | null> {
  try {
    return (await readdir(folder)).filter(name => !isSystemFile(name))
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return null
    throw new AppError(
      'destination-unwritable',
      {
        message: code === 'ENOTDIR' ? `${folder} is not a folder.` : `${folder} cannot be read.`,
        state: NOTHING_CHANGED,
        hint: pickHint,
        details: error instanceof Error ? error.message : String(error),
      },
      error,
    )
  }
}

export interface RepositoryWish {
  readonly create: boolean
  /** Id that this path had when it was last used. */
  readonly expectedId: string | null
  /** Version of Lifeboat, noted in a new repository. */
  readonly version: string
  readonly now: Date
}

/** Finds the repository in a folder, or makes one where that is safe. */
export async function findRepository(
  folder: string,
  wish: RepositoryWish,
): Promise<RepositoryFile> {
  const found = await readRepositoryFile(folder)
  const { expectedId } = wish
  if (found !== null && (expectedId === null || found.id === expectedId)) return found
  if (found !== null) {
    throw new AppError('repository-foreign', {
      message: `${folder} holds another repository than it did before (${found.id} instead of ${String(expectedId)}).`,
      state: NOTHING_CHANGED,
      hint: 'Mount the disk that you backed up to before. If the change is meant, set the repository anew in the settings.',
    })
  }
  const content = await contentOf(folder)
  if (expectedId !== null) {
    throw new AppError('repository-missing', {
      message: `The repository that was in ${folder} is not there: the folder is ${content === null ? 'gone' : content.length === 0 ? 'empty' : 'another one'}.`,
      state: NOTHING_CHANGED,
      hint: 'If it lies on an external disk or a network share, mount it. If it is gone for good, set the repository anew in the settings.',
    })
  }
  if (content !== null && content.length > 0) {
    if (!wish.create) throw missing(folder)
    throw new AppError('repository-foreign', {
      message: `${folder} holds other files (${content.slice(0, 3).join(', ')}${content.length > 3 ? ', …' : ''}) and is no repository.`,
      state: NOTHING_CHANGED,
      hint: 'Choose an empty or a new folder with --repo, for instance a subfolder of this one.',
    })
  }
  if (!wish.create) throw missing(folder)
  return await createRepository(folder, wish)
}

async function createRepository(folder: string, wish: RepositoryWish): Promise<RepositoryFile> {
  const value: RepositoryFile = {
    $schema: REPOSITORY_SCHEMA,
    schemaVersion: REPOSITORY_VERSION,
    id: randomUUID(),
    createdAt: wish.now.toISOString(),
    createdBy: wish.version,
    recipients: [],
  }
  const text = `${JSON.stringify(value, null, 2)}\n`
  try {
    await makeFolder(folder)
    await replaceFile(path.join(folder, REPOSITORY_FILE), text)
  } catch (error) {
    throw await storageError(error, folder, text.length)
  }
  return value
}

/** True when something is at the path, be it a link that leads nowhere. */
export async function isThere(file: string | Buffer): Promise<boolean> {
  return await lstat(file).then(
    () => true,
    () => false,
  )
}
