import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib'

import type { FileEntry } from '../../contract/model.ts'

/** One line of a file index; the order of the keys is part of the format. */
export function indexLine(entry: FileEntry): string {
  const { path, type, sizeBytes, mode, uid, gid, modified, linkTarget } = entry
  return `${JSON.stringify({ path, type, sizeBytes, mode, uid, gid, modified, linkTarget })}\n`
}

/** Text that may wait before it has to be written. */
const pendingLimit = 256 * 1024

/** What an index says of itself: the hash of its text, which an archive's members determine. */
export interface IndexSummary {
  readonly sha256: string
  readonly lines: number
}

/** Writes the list of an archive's members as JSON Lines in one Zstandard frame, or only hashes it. */
export class IndexWriter {
  readonly #hash = createHash('sha256')
  readonly #compress: ZstdCompress | null
  readonly #written: Promise<void>
  #pending: string[] = []
  #pendingLength = 0
  #lines = 0

  /** `file` null: nothing is written, `finish` still gives the summary. */
  constructor(file: string | null) {
    this.#compress =
      file === null
        ? null
        : createZstdCompress({
            chunkSize: 256 * 1024,
            params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
          })
    this.#written =
      this.#compress === null || file === null
        ? Promise.resolve()
        : pipeline(
            this.#compress,
            createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }),
          )
    // Reported by the next flush or by finish.
    this.#written.catch(() => undefined)
  }

  add(entry: FileEntry): void {
    const line = indexLine(entry)
    this.#pending.push(line)
    this.#pendingLength += line.length
    this.#lines += 1
  }

  /** True when `flush` should be called before more is added. */
  get isFull(): boolean {
    return this.#pendingLength >= pendingLimit
  }

  async flush(): Promise<void> {
    if (this.#pendingLength === 0) return
    const text = Buffer.from(this.#pending.join(''))
    this.#pending = []
    this.#pendingLength = 0
    this.#hash.update(text)
    const compress = this.#compress
    if (compress === null) return
    const taken = new Promise<void>((resolve, reject) => {
      compress.write(text, error => (error ? reject(error) : resolve()))
    })
    await Promise.race([taken, this.#written])
  }

  /** Ends and flushes the file. */
  async finish(): Promise<IndexSummary> {
    await this.flush()
    this.#compress?.end()
    await this.#written
    return { sha256: this.#hash.digest('hex'), lines: this.#lines }
  }

  /** Ends without a result; the file, if any, stays half-made. */
  async abandon(): Promise<void> {
    this.#compress?.destroy()
    await this.#written.catch(() => undefined)
  }
}
