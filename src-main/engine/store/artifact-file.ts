import { type FileHandle, open } from 'node:fs/promises'

import { DiskFailure, onDisk } from './storage-error.ts'

/** Bytes after which what was written is sent on to the disk, so that the last flush is short. */
const flushEvery = 64 * 1024 * 1024

/** A new file that is written from front to end and flushed to the disk along the way. */
export class ArtifactFile {
  readonly #handle: FileHandle
  #bytes = 0
  #unflushed = 0
  #flushing = false
  #flushed: Promise<void> = Promise.resolve()
  #flushError: DiskFailure | null = null

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Creates the file; fails when it exists. */
  static async create(path: string): Promise<ArtifactFile> {
    return new ArtifactFile(await onDisk(open(path, 'wx', 0o600)))
  }

  /** Bytes that are in the file. */
  get bytes(): number {
    return this.#bytes
  }

  async write(batch: Uint8Array): Promise<void> {
    if (this.#flushError !== null) throw this.#flushError
    for (let at = 0; at < batch.length;) {
      const { bytesWritten } = await onDisk(
        this.#handle.write(batch, at, batch.length - at, this.#bytes),
      )
      at += bytesWritten
      this.#bytes += bytesWritten
      this.#unflushed += bytesWritten
    }
    if (this.#unflushed >= flushEvery && !this.#flushing) this.#flush()
  }

  /** Flushes everything to the disk and closes. */
  async finish(): Promise<void> {
    await this.#flushed
    if (this.#flushError !== null) throw this.#flushError
    await onDisk(this.#handle.sync())
    await onDisk(this.#handle.close())
  }

  /** Closes without flushing; quiet when it is closed. */
  async abandon(): Promise<void> {
    await this.#flushed
    await this.#handle.close().catch(() => undefined)
  }

  #flush(): void {
    this.#flushing = true
    this.#unflushed = 0
    this.#flushed = this.#handle.datasync().then(
      () => {
        this.#flushing = false
      },
      (error: unknown) => {
        // The system forgets a failed write once it has told of it: nothing may be called flushed after that.
        this.#flushError = new DiskFailure(error)
      },
    )
  }
}
