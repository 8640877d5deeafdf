import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

import type { UndoEntry } from '../../contract/reports.ts'
import { replaceFile, writeNew } from '../lib/durable.ts'
import { timeName } from '../lib/safe-name.ts'

/** How long a restore can be undone. */
export const UNDO_MS = 7 * 24 * 60 * 60 * 1000
/** Beside the safety snapshot, so that an undo works from the repository alone (docs/repository-format.md). */
export const UNDO_SUFFIX = '.undo.json'

const names = z.array(z.string())
const text = z.record(z.string(), z.string())

const undoSchema = z.object({
  schemaVersion: z.literal(1),
  restore: z.string(),
  host: z.string(),
  stack: z.string(),
  at: z.iso.datetime(),
  until: z.iso.datetime(),
  safetySnapshot: z.string(),
  repository: z.string(),
  /** The snapshot that was restored. */
  snapshot: z.string(),
  /** True when single items were restored: an undo leaves all else as it is, too. */
  partial: z.boolean(),
  /** What the restore had made and an undo removes. */
  created: z.object({ networks: names, volumes: names, containers: names, folders: names }),
  /** Trees where nothing had been before: an undo empties them. */
  emptied: z.array(
    z.object({
      item: z.string(),
      mountType: z.enum(['volume', 'bind']),
      source: z.string(),
      folder: z.string(),
      scope: z.string(),
    }),
  ),
  /**
   * By what their driver noted, an undo removes databases that had not been there, and of those that had
   * (`replaced`) the roles or users that the restore made for them.
   */
  databases: z.array(
    z.object({
      item: z.string(),
      service: z.string(),
      driver: z.string(),
      data: text,
      replaced: z.boolean().default(false),
    }),
  ),
})

/** Everything that an undo must know beyond the safety snapshot. */
export type UndoRecord = z.infer<typeof undoSchema>

/** `20261128T123456Z-3fa9`: names a restore, its hidden folders, and what `undo` takes. */
export function restoreId(now: Date): string {
  return `${timeName(now, 1)}-${randomBytes(2).toString('hex')}`
}

export function undoEntry(record: UndoRecord): UndoEntry {
  const { restore, host, stack, at, until, safetySnapshot, repository } = record
  return { restore, host, stack, at, until, safetySnapshot, repository }
}

function fileOf(stateFolder: string, restore: string): string {
  return path.join(stateFolder, 'undo', `${restore}.json`)
}

/** Keeps a record in the state folder and beside the safety snapshot. The second is a convenience: it may fail. */
export async function writeUndo(
  stateFolder: string,
  safetyFolder: string,
  record: UndoRecord,
): Promise<void> {
  const content = `${JSON.stringify(record, null, 2)}\n`
  await mkdir(path.join(stateFolder, 'undo'), { recursive: true, mode: 0o700 })
  await replaceFile(fileOf(stateFolder, record.restore), content)
  await writeNew(safetyFolder + UNDO_SUFFIX, content).catch(() => undefined)
}

/** The restore was undone or taken back: it cannot be undone (again). `safetyFolder` null: it has none. */
export async function removeUndo(
  stateFolder: string,
  safetyFolder: string | null,
  restore: string,
): Promise<void> {
  await rm(fileOf(stateFolder, restore), { force: true })
  if (safetyFolder !== null) await rm(safetyFolder + UNDO_SUFFIX, { force: true })
}

/** All records of this computer, newest first; those that cannot be read are left out and stay on disk. */
export async function readUndos(stateFolder: string): Promise<readonly UndoRecord[]> {
  const folder = path.join(stateFolder, 'undo')
  const files = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    files.filter(each => each.endsWith('.json')).map(each => readUndo(path.join(folder, each))),
  )
  return found.filter(each => each !== null).toSorted((a, b) => b.at.localeCompare(a.at))
}

/** One record, or null when it is not there or is none. */
export async function readUndo(file: string): Promise<UndoRecord | null> {
  try {
    return undoSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return null
  }
}
