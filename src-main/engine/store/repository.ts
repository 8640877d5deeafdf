import { mkdir, rm, statfs } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { CheckReport } from '../../contract/model.ts'
import { codeOf, makeFolderIn, replaceFile, syncFolder } from '../lib/durable.ts'
import { folderName, timeName } from '../lib/safe-name.ts'
import { tidy } from './clean-up.ts'
import { FolderSnapshotWriter } from './folder-snapshot-writer.ts'
import { PARTIAL, PIN, REPORTS } from './layout.ts'
import { type ListedSnapshot, listSnapshots } from './listing.ts'
import { acquireLock, type Lock, type LockMode } from './lock.ts'
import type { Manifest } from './manifest.ts'
import { assertId, readManifestFile } from './read-manifest.ts'
import {
  readReports,
  REPORT_SCHEMA,
  type ReportKind,
  type StoredReport,
  writeReport,
} from './reports.ts'
import { findRepository, isThere } from './repository-file.ts'
import { resolveSnapshot } from './resolve.ts'
import { type PartialFolder, scanRepository } from './scan.ts'
import type { SnapshotWriter } from './snapshot-writer.ts'
import { freeBytes, storageError } from './storage-error.ts'

export interface OpenOptions {
  /** Make a repository where there is none and the folder is empty or missing. */
  readonly create?: boolean
  /** Id that was found at this path before: an empty mount point and another disk are then refused. */
  readonly expectedId?: string | null
  /** Version of Lifeboat, noted in what is written. */
  readonly version: string
}

export interface BeginRequest {
  /** Real names; the folders get safe forms of them. */
  readonly host: string
  readonly stack: string
  /** Names the folder: the consistent point. */
  readonly time: Date
  /** Shown to whoever finds the lock: `backup of chatalot`. */
  readonly purpose: string
}

/** A folder of snapshots: see docs/repository-format.md. */
export interface Repository {
  readonly id: string
  /** Absolute. */
  readonly path: string
  /** Newest first; damaged ones are listed as `failed` with their problem, never left out. */
  list(): Promise<readonly ListedSnapshot[]>
  /** Finds what a person means: see `resolveSnapshot`. */
  resolve(reference: string): Promise<ListedSnapshot>
  /** Rejects with `repository-unreadable`, `repository-too-new`, `unknown-snapshot`. */
  readManifest(id: string): Promise<Manifest>
  /** Absolute folder of a snapshot, there or not. */
  folderOf(id: string): string
  /** Locks the stack for writing, removes what a crash left of it, and begins a snapshot. */
  begin(request: BeginRequest): Promise<SnapshotWriter>
  /** Locks a snapshot's stack; rejects with `locked`. Release it. */
  lock(id: string, mode: LockMode, purpose: string): Promise<Lock>
  pin(id: string, pinned: boolean): Promise<ListedSnapshot>
  addReport(id: string, kind: ReportKind, report: CheckReport, at: Date): Promise<void>
  /** Oldest first. */
  reports(id: string): Promise<readonly StoredReport[]>
  /** Folders that a writer has left or is writing now. */
  partials(): Promise<readonly PartialFolder[]>
  /** Removes the partial folders that nobody is writing, and temporary files of killed programs; returns the folders' paths. */
  removePartials(): Promise<readonly string[]>
  space(): Promise<Space>
}

export interface Space {
  readonly freeBytes: number | null
  /** Largest file that the file system holds; null when there is no limit that matters. */
  readonly largestFileBytes: number | null
}

/** FAT12/16/32, as the system numbers file systems. */
const fatType = 0x4d44

/**
 * Opens a repository. Rejects with `repository-missing`, `repository-foreign`, `repository-too-new`,
 * `repository-unreadable`, `destination-unwritable`, `disk-full`.
 */
export async function openRepository(folder: string, options: OpenOptions): Promise<Repository> {
  const root = path.resolve(folder)
  const file = await findRepository(root, {
    create: options.create ?? false,
    expectedId: options.expectedId ?? null,
    version: options.version,
    now: new Date(),
  })
  return new FolderRepository(root, file.id, options.version)
}

class FolderRepository implements Repository {
  readonly id: string
  readonly path: string
  readonly #version: string

  constructor(root: string, id: string, version: string) {
    this.path = root
    this.id = id
    this.#version = version
  }

  async list(): Promise<readonly ListedSnapshot[]> {
    return await listSnapshots(this.path)
  }

  async resolve(reference: string): Promise<ListedSnapshot> {
    return resolveSnapshot(reference, await this.list())
  }

  folderOf(id: string): string {
    assertId(id)
    return path.join(this.path, ...id.split('/'))
  }

  async readManifest(id: string): Promise<Manifest> {
    const folder = this.folderOf(id)
    if (!(await isThere(folder))) throw gone(id)
    return await readManifestFile(folder, id)
  }

  async begin(request: BeginRequest): Promise<SnapshotWriter> {
    const host = folderName(request.host)
    const stack = folderName(request.stack)
    const parent = path.join(this.path, host, stack)
    const lock = await this.#lockStack(host, stack, 'write', request.purpose)
    try {
      for (const each of await this.partials()) {
        if (each.host === host && each.stack === stack) await removeFolder(each.folder)
      }
      await makeFolderIn(this.path, path.join(host, stack))
      for (const folder of [path.join(this.path, host), this.path]) await syncFolder(folder)
      const name = await claimName(parent, request.time)
      return new FolderSnapshotWriter({
        id: `${host}/${stack}/${name}`,
        repositoryId: this.id,
        repositoryPath: this.path,
        partial: path.join(parent, name + PARTIAL),
        final: path.join(parent, name),
        lost: lock.lost,
        release: () => lock.release(),
      })
    } catch (error) {
      await lock.release()
      throw await storageError(error, this.path, 1024 * 1024)
    }
  }

  async lock(id: string, mode: LockMode, purpose: string): Promise<Lock> {
    assertId(id)
    const [host = '', stack = ''] = id.split('/')
    return await this.#lockStack(host, stack, mode, purpose)
  }

  async pin(id: string, pinned: boolean): Promise<ListedSnapshot> {
    const folder = this.folderOf(id)
    if (!(await isThere(folder))) throw gone(id)
    const file = folder + PIN
    const text = `${JSON.stringify({ schemaVersion: 1, pinnedAt: new Date().toISOString() }, null, 2)}\n`
    try {
      if (!pinned) await rm(file, { force: true })
      else if (!(await isThere(file))) await replaceFile(file, text)
    } catch (error) {
      throw await storageError(error, this.path, text.length)
    }
    return await this.resolve(id)
  }

  async addReport(id: string, kind: ReportKind, report: CheckReport, at: Date): Promise<void> {
    const stored = {
      $schema: REPORT_SCHEMA,
      schemaVersion: 1,
      kind,
      at: at.toISOString(),
      lifeboat: this.#version,
      report: structuredClone(report),
    } as StoredReport
    try {
      await writeReport(this.folderOf(id) + REPORTS, stored)
    } catch (error) {
      throw await storageError(error, this.path, 64 * 1024)
    }
  }

  async reports(id: string): Promise<readonly StoredReport[]> {
    return await readReports(this.folderOf(id) + REPORTS)
  }

  async partials(): Promise<readonly PartialFolder[]> {
    return (await scanRepository(this.path)).partials
  }

  async removePartials(): Promise<readonly string[]> {
    const removed: string[] = []
    const { partials, stacks } = await scanRepository(this.path)
    await tidy(this.path, stacks)
    for (const each of partials) {
      const lock = await this.#lockStack(each.host, each.stack, 'write', 'clean-up').catch(ifLocked)
      if (lock === null) continue
      try {
        await removeFolder(each.folder)
        removed.push(each.folder)
      } finally {
        await lock.release()
      }
    }
    return removed
  }

  async space(): Promise<Space> {
    const stats = await statfs(this.path).catch(() => null)
    const isFat = stats?.type === fatType
    return {
      freeBytes: await freeBytes(this.path),
      largestFileBytes: isFat ? 4 * 1024 ** 3 - 1 : null,
    }
  }

  async #lockStack(host: string, stack: string, mode: LockMode, purpose: string): Promise<Lock> {
    // A disk that went away must not be begun anew on the disk below it.
    await findRepository(this.path, {
      create: false,
      expectedId: this.id,
      version: this.#version,
      now: new Date(),
    })
    try {
      return await acquireLock(this.path, { mode, host, stack, purpose })
    } catch (error) {
      throw await storageError(error, this.path, 64 * 1024)
    }
  }
}

/** Deletes a partial folder; what vanishes meanwhile is no failure. */
async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** Creates `<time>.partial` under a name that is free. */
async function claimName(parent: string, time: Date): Promise<string> {
  for (let copy = 1; ; copy += 1) {
    const name = timeName(time, copy)
    if (await isThere(path.join(parent, name))) continue
    try {
      await mkdir(path.join(parent, name + PARTIAL), { mode: 0o700 })
      return name
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }
}

function ifLocked(error: unknown): null {
  if (error instanceof AppError && error.code === 'locked') return null
  throw error
}

function gone(id: string): AppError {
  return new AppError('unknown-snapshot', {
    message: `There is no snapshot '${id}' in this repository.`,
    state: NOTHING_CHANGED,
    hint: "Run 'lifeboat snapshots list' to see what is there.",
  })
}
