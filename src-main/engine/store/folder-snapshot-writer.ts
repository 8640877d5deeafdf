import { createHash } from 'node:crypto'
import { open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { makeFolderIn, syncFolder, writeNew } from '../lib/durable.ts'
import type { ProvenStream } from '../lib/proven-stream.ts'
import { safePath } from '../lib/safe-name.ts'
import { codecSuffix, GUIDE, MANIFEST, SUMS } from './layout.ts'
import { type ArtifactRecord, type Manifest, manifestSchema } from './manifest.ts'
import type { ArtifactSpec, SnapshotWriter } from './snapshot-writer.ts'
import { storageError } from './storage-error.ts'
import { storeArtifact } from './store-artifact.ts'
import { sumsText } from './sums.ts'

export interface WriterPlace {
  readonly id: string
  readonly repositoryId: string
  /** Folder of the repository, for messages. */
  readonly repositoryPath: string
  /** `<time>.partial`, which exists. */
  readonly partial: string
  /** The name that it gets. */
  readonly final: string
  /** Aborted when another program has taken the right to write. */
  readonly lost: AbortSignal
  /** Gives back what was taken for writing; called once, after commit or abandon. */
  release(): Promise<void>
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Folders below `folder`, itself last, so that each is flushed after what it holds. */
async function foldersBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const below = await Promise.all(
    entries
      .filter(each => each.isDirectory())
      .map(each => foldersBelow(path.join(folder, each.name))),
  )
  return [...below.flat(), folder]
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A snapshot that is written into a folder: see `SnapshotWriter`. */
export class FolderSnapshotWriter implements SnapshotWriter {
  readonly #place: WriterPlace
  /** Lower-case paths that are in use. */
  readonly #taken = new Set([MANIFEST, SUMS, GUIDE].map(name => name.toLowerCase()))
  readonly #records = new Map<string, ArtifactRecord>()
  #closed = false

  constructor(place: WriterPlace) {
    this.#place = place
  }

  get folder(): string {
    return this.#place.partial
  }

  get id(): string {
    return this.#place.id
  }

  async addArtifact(spec: ArtifactSpec, source: ProvenStream): Promise<ArtifactRecord> {
    // What the source has compressed is stored as it comes, and its codec is what it is.
    const codec = source.encoding === 'zstd' ? 'zstd' : spec.codec
    const suffix = codecSuffix[codec]
    const relative = safePath(spec.path, suffix, this.#taken)
    const plain = relative.slice(0, relative.length - suffix.length)
    const signal = AbortSignal.any([spec.signal, this.#place.lost])
    const own = { ...spec, codec, signal }
    const record = await storeArtifact(
      { folder: this.folder, repository: this.#place.repositoryPath, path: relative, plain },
      own,
      source,
    )
    this.#records.set(record.path, record)
    return record
  }

  async addFile(name: string, item: string, content: Uint8Array): Promise<ArtifactRecord> {
    const relative = safePath(name, '', this.#taken)
    const file = path.join(this.folder, relative)
    try {
      await makeFolderIn(this.folder, path.dirname(relative))
      await writeNew(file, content)
    } catch (error) {
      await rm(file, { force: true }).catch(() => undefined)
      throw await storageError(error, this.#place.repositoryPath, content.length)
    }
    const measure = { bytes: content.length, sha256: sha256(content) }
    const record: ArtifactRecord = {
      path: relative,
      name,
      item,
      content: 'bytes',
      codec: 'none',
      encryption: 'none',
      plain: measure,
      compressed: measure,
      stored: measure,
      entries: null,
      index: null,
      proof: null,
      file: null,
      basedOn: [],
    }
    this.#records.set(relative, record)
    return record
  }

  async commit(manifest: Manifest, restoreGuide: string): Promise<void> {
    this.#place.lost.throwIfAborted()
    this.#compare(manifest)
    const text = `${JSON.stringify(manifestSchema.parse(manifest), null, 2)}\n`
    const { partial, final } = this.#place
    try {
      await writeNew(path.join(partial, MANIFEST), text)
      await writeNew(path.join(partial, GUIDE), restoreGuide)
      await writeNew(path.join(partial, SUMS), await sumsText(partial, manifest))
      for (const { index } of manifest.artifacts) {
        if (index !== null) await syncFile(path.join(partial, index))
      }
      for (const folder of await foldersBelow(partial)) await syncFolder(folder)
      await rename(partial, final)
      await syncFolder(path.dirname(final)).catch(async (error: unknown) => {
        // Not known to be on the disk: it must not be listed.
        await rename(final, partial)
        throw error
      })
    } catch (error) {
      throw await storageError(
        error,
        this.#place.repositoryPath,
        text.length + restoreGuide.length + 1024 * 1024,
      )
    }
    await this.#close()
  }

  async abandon(): Promise<void> {
    if (this.#closed) return
    try {
      await rm(this.folder, { recursive: true, force: true })
    } catch (error) {
      throw await storageError(error, this.#place.repositoryPath, 0)
    } finally {
      await this.#close()
    }
  }

  async #close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#place.release()
  }

  /** A manifest that does not fit what was stored must never be written. */
  #compare(manifest: Manifest): void {
    const problem = this.#mismatch(manifest)
    if (problem === null) return
    throw new AppError('internal-error', {
      message: 'The description of the snapshot does not fit what was stored.',
      state: NOTHING_CHANGED,
      hint: 'Run the command again with --debug and report what it prints.',
      details: problem,
    })
  }

  #mismatch(manifest: Manifest): string | null {
    if (manifest.id !== this.id) return `id ${manifest.id} instead of ${this.id}`
    if (manifest.repositoryId !== this.#place.repositoryId) return 'another repository'
    const named = new Set(manifest.artifacts.map(({ path: each }) => each))
    const missing = [...this.#records.keys()].find(each => !named.has(each))
    if (missing !== undefined) return `${missing} is not named`
    for (const artifact of manifest.artifacts) {
      const record = this.#records.get(artifact.path)
      if (record?.stored.sha256 !== artifact.stored.sha256)
        return `${artifact.path} was not stored so`
    }
    return null
  }
}
