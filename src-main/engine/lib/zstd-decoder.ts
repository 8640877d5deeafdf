import { Transform, type TransformCallback } from 'node:stream'
import { createZstdDecompress, type ZstdDecompress } from 'node:zlib'

import { FrameWalker } from './zstd-frames.ts'

/** Plain bytes per hop to the thread pool. */
const outputChunk = 1024 * 1024

/**
 * Decodes one Zstandard frame after the other. Unlike Node's own decoder it fails on input that ends
 * inside a frame, and goes on after the first frame. Its errors say what is wrong, in words that
 * follow "… is damaged: ".
 */
export class ZstdDecoder extends Transform {
  readonly #walker = new FrameWalker()
  #frame: ZstdDecompress | null = null
  #frameError: Error | null = null

  constructor() {
    super({ highWaterMark: outputChunk })
  }

  override _read(size: number): void {
    this.#frame?.resume()
    super._read(size)
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#decode(chunk).then(() => done(), done)
  }

  override _flush(done: TransformCallback): void {
    if (!this.#walker.atBorder) return done(new Error('it ends in the middle of a Zstandard frame'))
    if (this.#walker.frames === 0) return done(new Error('there is no Zstandard frame in it'))
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#frame?.destroy()
    done(error)
  }

  async #decode(chunk: Buffer): Promise<void> {
    for (const piece of this.#walker.write(chunk)) {
      if (!piece.data) continue
      this.#frame ??= this.#openFrame()
      await this.#write(this.#frame, piece.bytes)
      if (piece.last) await this.#endFrame(this.#frame)
    }
    if (this.#walker.problem !== null) throw new Error(this.#walker.problem)
  }

  #openFrame(): ZstdDecompress {
    const frame = createZstdDecompress({ chunkSize: outputChunk })
    frame.on('data', (plain: Buffer) => {
      if (!this.push(plain)) frame.pause()
    })
    frame.on('error', error => {
      this.#frameError = error
    })
    return frame
  }

  async #write(frame: ZstdDecompress, bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      frame.once('close', resolve)
      frame.write(bytes, error => {
        frame.off('close', resolve)
        if (error) reject(error)
        else resolve()
      })
    })
    if (this.#frameError) throw this.#frameError
  }

  async #endFrame(frame: ZstdDecompress): Promise<void> {
    await new Promise<void>(resolve => {
      frame.once('end', resolve)
      frame.once('close', resolve)
      frame.end()
    })
    this.#frame = null
    if (this.#frameError) throw this.#frameError
  }
}
