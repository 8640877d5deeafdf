import { createZstdDecompress, type ZstdDecompress } from 'node:zlib'

import { FrameWalker } from '../../lib/zstd-frames.ts'

/**
 * Decodes Zstandard for somebody who must have seen all plain bytes of a chunk before the chunk goes on:
 * `write` settles when everything that the chunk completes has been handed to `onPlain`. (The decoder
 * in lib is for streams with backpressure and may keep some back.)
 */
export class ZstdLookahead {
  readonly #walker = new FrameWalker()
  readonly #onPlain: (plain: Uint8Array) => void
  #frame: ZstdDecompress | null = null
  #error: Error | null = null

  constructor(onPlain: (plain: Uint8Array) => void) {
    this.#onPlain = onPlain
  }

  /** Rejects when the bytes are no sound Zstandard; the message follows "… is damaged: ". */
  async write(chunk: Uint8Array): Promise<void> {
    for (const piece of this.#walker.write(chunk)) {
      if (!piece.data) continue
      this.#frame ??= this.#open()
      await this.#feed(this.#frame, piece.bytes)
      if (piece.last) await this.#close(this.#frame)
    }
    if (this.#walker.problem !== null) throw new Error(this.#walker.problem)
  }

  /** Why the stream may not end here, or null. */
  finish(): string | null {
    if (this.#walker.frames === 0) return 'there is no Zstandard frame in it'
    return this.#walker.atBorder ? null : 'it ends in the middle of a Zstandard frame'
  }

  destroy(): void {
    this.#frame?.destroy()
  }

  #open(): ZstdDecompress {
    const frame = createZstdDecompress({ chunkSize: 1024 * 1024 })
    frame.on('data', this.#onPlain)
    frame.on('error', error => {
      this.#error = error
    })
    return frame
  }

  async #feed(frame: ZstdDecompress, bytes: Uint8Array): Promise<void> {
    await new Promise<void>(resolve => {
      frame.once('close', resolve)
      frame.write(bytes, () => {
        frame.off('close', resolve)
        resolve()
      })
    })
    while (this.#error === null && frame.readableLength > 0) {
      await new Promise(resolve => setImmediate(resolve))
    }
    if (this.#error !== null) throw this.#error
  }

  async #close(frame: ZstdDecompress): Promise<void> {
    await new Promise<void>(resolve => {
      frame.once('end', resolve)
      frame.once('close', resolve)
      frame.end()
    })
    this.#frame = null
    if (this.#error !== null) throw this.#error
  }
}
