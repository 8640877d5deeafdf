import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

import { inspectors } from '../lib/content/all.ts'
import type { ContentInspector, ContentKind, InspectionResult } from '../lib/content/content.ts'
import { ZstdDecoder } from '../lib/zstd-decoder.ts'
import { type IndexSummary, IndexWriter } from './file-index.ts'

export interface ExaminerOptions {
  readonly codec: 'none' | 'zstd'
  readonly content: ContentKind
  /** File that gets the list of an archive's members; null: the list is only hashed. */
  readonly indexFile: string | null
  /** Which bytes get a second, cheap sum, to compare with what another thread saw pass; null: none. */
  readonly sumOf: 'stored' | 'plain' | null
}

export interface Measure {
  readonly bytes: number
  readonly sha256: string
  /** Null unless asked for by `sumOf`. */
  readonly crc32: number | null
}

/** What a stored file really holds. */
export interface Examination {
  readonly stored: Measure
  readonly plain: Measure
  /** Why the codec's frames are not whole, in words that follow "it is damaged: "; null when they are. */
  readonly codecProblem: string | null
  readonly inspection: InspectionResult
  /** For archives. */
  readonly index: IndexSummary | null
}

class Meter {
  readonly #hash = createHash('sha256')
  #bytes = 0
  #crc: number | null

  constructor(withSum: boolean) {
    this.#crc = withSum ? 0 : null
  }

  get bytes(): number {
    return this.#bytes
  }

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    if (this.#crc !== null) this.#crc = crc32(chunk, this.#crc)
    this.#bytes += chunk.length
  }

  result(): Measure {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex'), crc32: this.#crc }
  }
}

/**
 * Gives the memory of a decoded chunk back at once, rather than when the garbage collector comes by: at
 * this rate hundreds of megabytes would pile up. The decoder fills a buffer to its end before it takes
 * a new one, so a chunk that ends with its buffer is the last one in it.
 */
function free(chunk: Buffer): void {
  const { buffer, byteOffset, length } = chunk
  if (buffer instanceof ArrayBuffer && byteOffset + length === buffer.byteLength) buffer.transfer(0)
}

/**
 * Takes the stored bytes of an artifact in order and proves them: measures them, walks and decodes the
 * frames, measures the plain bytes, looks for the format's own end, lists an archive's members.
 */
export class Examiner {
  readonly #stored: Meter
  readonly #plain: Meter
  readonly #decoder: ZstdDecoder | null
  readonly #inspector: ContentInspector
  readonly #index: IndexWriter | null
  #codecProblem: string | null = null
  #indexError: Error | null = null
  #pending: Promise<void> = Promise.resolve()

  constructor(options: ExaminerOptions) {
    this.#stored = new Meter(options.sumOf === 'stored')
    this.#plain = new Meter(options.sumOf === 'plain')
    const index = options.content === 'tar' ? new IndexWriter(options.indexFile) : null
    this.#index = index
    this.#inspector = inspectors[options.content](entry => index?.add(entry))
    this.#decoder = options.codec === 'zstd' ? this.#openDecoder() : null
  }

  /** Plain bytes so far. */
  get plainBytes(): number {
    return this.#plain.bytes
  }

  /**
   * Takes the next stored bytes. Resolves when the chunk *before* this one may be overwritten, so that
   * hashing and decoding go on side by side.
   */
  async write(chunk: Buffer): Promise<void> {
    this.#stored.add(chunk)
    await this.#pending
    this.#pending = this.#decode(chunk)
    // A rejection is seen by the next await of it.
    this.#pending.catch(() => undefined)
  }

  async finish(): Promise<Examination> {
    await this.#pending
    await this.#endDecoder()
    if (this.#indexError !== null) throw this.#indexError
    const inspection = this.#inspector.finish()
    const index = this.#index === null ? null : await this.#index.finish()
    return {
      stored: this.#stored.result(),
      plain: this.#plain.result(),
      codecProblem: this.#codecProblem,
      inspection,
      index,
    }
  }

  async abandon(): Promise<void> {
    this.#decoder?.destroy()
    await this.#index?.abandon()
  }

  #openDecoder(): ZstdDecoder {
    const decoder = new ZstdDecoder()
    decoder.on('data', (plain: Buffer) => {
      this.#takePlain(plain)
      free(plain)
      if (this.#index?.isFull !== true) return
      decoder.pause()
      this.#flushIndex().then(
        () => decoder.resume(),
        () => decoder.resume(),
      )
    })
    decoder.on('error', error => {
      this.#codecProblem ??= error.message
    })
    return decoder
  }

  #takePlain(plain: Uint8Array): void {
    this.#plain.add(plain)
    this.#inspector.write(plain)
  }

  async #flushIndex(): Promise<void> {
    try {
      await this.#index?.flush()
    } catch (error) {
      this.#indexError ??= error instanceof Error ? error : new Error(String(error))
    }
  }

  async #decode(chunk: Buffer): Promise<void> {
    const decoder = this.#decoder
    if (decoder === null) {
      this.#takePlain(chunk)
      if (this.#index?.isFull === true) await this.#flushIndex()
    } else if (this.#codecProblem === null) {
      await new Promise<void>(resolve => {
        decoder.once('close', resolve)
        decoder.write(chunk, () => {
          decoder.off('close', resolve)
          resolve()
        })
      })
    }
    if (this.#indexError !== null) throw this.#indexError
  }

  async #endDecoder(): Promise<void> {
    const decoder = this.#decoder
    if (decoder === null || decoder.destroyed) return
    await new Promise<void>(resolve => {
      decoder.once('end', resolve)
      decoder.once('close', resolve)
      decoder.end()
    })
  }
}
