import { constants, createZstdCompress } from 'node:zlib'

/** What Lifeboat compresses itself; the same level as the zstd command's own default. */
const level = 3

/**
 * Compresses into one Zstandard frame with a checksum, in the thread pool. Output goes to `sink`, whose
 * slowness holds the input back.
 */
export class Compressor {
  readonly #stream = createZstdCompress({
    chunkSize: 1024 * 1024,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  })
  readonly #finished: Promise<void>

  constructor(sink: (compressed: Buffer) => Promise<void>) {
    this.#finished = this.#drain(sink)
    this.#finished.catch(() => undefined)
  }

  /** Resolves when the chunk has been taken in and may be overwritten; rejects when the sink has failed. */
  async write(chunk: Uint8Array): Promise<void> {
    // One write at a time and none left when the end comes: Node can append an empty frame otherwise.
    const taken = new Promise<void>((resolve, reject) => {
      this.#stream.write(chunk, error => (error ? reject(error) : resolve()))
    })
    await Promise.race([taken, this.#finished])
  }

  async end(): Promise<void> {
    this.#stream.end()
    await this.#finished
  }

  abandon(): void {
    this.#stream.destroy()
  }

  async #drain(sink: (compressed: Buffer) => Promise<void>): Promise<void> {
    for await (const compressed of this.#stream) await sink(compressed as Buffer)
  }
}
