import { constants } from 'node:fs'
import { copyFile, mkdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { ProvenStream } from '../lib/proven-stream.ts'
import type { Counts } from './database.ts'
import { provenFile } from './sqlite/proven-file.ts'
import { runWork, SqliteError } from './sqlite/run-work.ts'
import type { Examined } from './sqlite/work.ts'

/** Files beside a database that hold a part of it. Shared memory (`-shm`) does not: SQLite makes it anew. */
const logs = ['-wal', '-journal'] as const

/** A copy of an SQLite database, all of one moment. */
export interface SqliteCopy {
  /** One self-contained database file without logs; null when the database is damaged. */
  readonly file: string | null
  readonly sizeBytes: number
  /** Rows per table, of the copy itself. */
  readonly counts: Counts
  readonly integrity: 'ok' | 'damaged'
  readonly warnings: readonly string[]
  /** The settled file. Rejects when the database is damaged: then `raw` is all there is. */
  open(): Promise<ProvenStream>
  /** Damaged only: the files byte for byte as they were. */
  readonly raw: readonly {
    readonly fileName: string
    readonly path: string
    open(): Promise<ProvenStream>
  }[]
  /** Removes what was made in the work folder. */
  dispose(): Promise<void>
}

/**
 * Copies a database of this computer while programs may write to it, by SQLite's online backup: the
 * log (WAL) is honoured, writers go on. Rejects with `path-missing`, or `command-failed` when another
 * program keeps the database locked.
 *
 * @param options.workFolder gets the copy; made when it is not there
 */
export async function copySqliteLocal(
  file: string,
  { workFolder, signal }: { readonly workFolder: string; readonly signal: AbortSignal },
): Promise<SqliteCopy> {
  if (!(await exists(file))) throw missing(file)
  await mkdir(workFolder, { recursive: true, mode: 0o700 })
  const name = 'database'
  const copy = path.join(workFolder, name)
  const dispose = (): Promise<void> => rm(workFolder, { recursive: true, force: true })
  try {
    await runWork({ type: 'copy', from: file, to: copy }, signal)
    const examined = await runWork({ type: 'examine', file: copy }, signal)
    return await settled(copy, file, examined, dispose)
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error
    if (!canBeCopied(error)) throw failed(file, error)
    // Damaged, or left by a program that died in the middle: SQLite may not write here to recover it, so
    // the files are taken as they are and recovered in the work folder.
    for (const ending of ['', ...logs]) {
      await rm(copy + ending, { force: true })
      if (await exists(file + ending)) await copyFile(file + ending, copy + ending)
    }
    return settleSqliteCopy(workFolder, name, { signal })
  }
}

/**
 * Makes one self-contained, checked file out of a database and its logs that were copied together while
 * nobody wrote. Recovery happens here, as SQLite does it after a power cut. `folder` holds `name` and,
 * when they were there, `name-wal` and `name-journal`. A damaged database is no error: its files are kept.
 */
export async function settleSqliteCopy(
  folder: string,
  name: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<SqliteCopy> {
  const original = path.join(folder, name)
  if (!(await exists(original))) throw missing(original)
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const hasLog = (await Promise.all(logs.map(each => hasContent(original + each)))).includes(true)
  let file = original
  try {
    if (!hasLog) {
      return await settled(
        file,
        original,
        await runWork({ type: 'examine', file }, signal),
        dispose,
      )
    }
    // Recovery writes; should the database prove damaged, its files are wanted as they were.
    file = path.join(folder, 'settled.sqlite')
    for (const ending of ['', ...logs]) {
      if (await exists(original + ending)) {
        await copyFile(original + ending, file + ending, constants.COPYFILE_FICLONE)
      }
    }
    return await settled(file, original, await runWork({ type: 'settle', file }, signal), dispose)
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error
    if (!error.meansDamage) throw failed(name, error)
    return damaged(original, [error.message], [], dispose)
  }
}

async function settled(
  file: string,
  original: string,
  examined: Examined | null,
  dispose: () => Promise<void>,
): Promise<SqliteCopy> {
  if (examined === null) throw new Error('the examination gave nothing')
  const { problems, counts, warnings } = examined
  if (problems.length > 0) return damaged(original, problems, warnings, dispose)
  return {
    file,
    sizeBytes: (await stat(file)).size,
    counts: { values: counts, exact: true },
    integrity: 'ok',
    warnings,
    open: () => provenFile(file),
    raw: [],
    dispose,
  }
}

async function damaged(
  original: string,
  problems: readonly string[],
  warnings: readonly string[],
  dispose: () => Promise<void>,
): Promise<SqliteCopy> {
  const raw: SqliteCopy['raw'][number][] = []
  for (const ending of ['', ...logs]) {
    const file = original + ending
    if (await hasContent(file)) {
      raw.push({ fileName: path.basename(file), path: file, open: () => provenFile(file) })
    }
  }
  return {
    file: null,
    sizeBytes: (await stat(original)).size,
    counts: { values: {}, exact: false },
    integrity: 'damaged',
    warnings: [
      ...warnings,
      `The database is damaged (${problems.join('; ')}); its files were kept as they are.`,
    ],
    open: () =>
      Promise.reject(
        new AppError('dump-incomplete', {
          message: 'The SQLite database is damaged.',
          state: NOTHING_CHANGED,
          hint: 'Restore it from an earlier snapshot, or repair it with `sqlite3 FILE .recover`.',
        }),
      ),
    raw,
    dispose,
  }
}

/** SQLITE_CANTOPEN and SQLITE_READONLY: a log that must be worked off by writing, which a reader may not. */
function canBeCopied(error: SqliteError): boolean {
  const primary = (error.errorCode ?? 0) & 0xff
  return error.meansDamage || primary === 14 || primary === 8
}

function failed(file: string, error: SqliteError): AppError {
  const locked = [5, 6].includes((error.errorCode ?? 0) & 0xff)
  return new AppError(
    'command-failed',
    {
      message: locked
        ? `The SQLite database ${file} is locked by another program.`
        : `The SQLite database ${file} could not be read: ${error.message}.`,
      state: NOTHING_CHANGED,
      hint: locked
        ? 'Stop the program that uses it, or try again later.'
        : 'Look whether the file can be opened with `sqlite3`.',
      details: error.message,
    },
    error,
  )
}

function missing(file: string): AppError {
  return new AppError('path-missing', {
    message: `The SQLite database ${file} is not there any more.`,
    state: NOTHING_CHANGED,
    hint: 'Look at the stack again, then repeat the backup.',
  })
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    found => found.isFile(),
    () => false,
  )
}

async function hasContent(file: string): Promise<boolean> {
  return stat(file).then(
    found => found.size > 0,
    () => false,
  )
}
