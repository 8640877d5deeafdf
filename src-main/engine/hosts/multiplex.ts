import { Readable } from 'node:stream'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'

/** Where the two streams of a multiplexed connection go. Chunks are views, never copies. */
export interface FrameSink {
  stdout(chunk: Buffer): void
  stderr(chunk: Buffer): void
}

const HEADER_BYTES = 8
const STDOUT = 1
const STDERR = 2
const SYSTEM_ERROR = 3

function corrupt(what: string): AppError {
  return new AppError('stream-corrupt', {
    message: `The data from the Docker engine is not what it should be: ${what}.`,
    state: NOTHING_CHANGED,
    hint: 'Run the command again. If it fails again, connect to the engine without a proxy in between.',
  })
}

/**
 * Takes apart the engine's multiplexed stream: frames of an 8-byte header (type, three zero bytes,
 * length as 32-bit big endian) and a payload. A header that cannot be one, and a stream that ends
 * inside a frame, are errors: nothing is ever passed on as data that was not framed as data.
 */
export class FrameParser {
  readonly #sink: FrameSink
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  #type = 0
  #remaining = 0
  #systemError = ''

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Throws `stream-corrupt` when a header is impossible. */
  write(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#remaining > 0) {
        const end = Math.min(offset + this.#remaining, chunk.length)
        this.#payload(offset === 0 && end === chunk.length ? chunk : chunk.subarray(offset, end))
        this.#remaining -= end - offset
        offset = end
      } else if (this.#headerBytes === 0 && chunk.length - offset >= HEADER_BYTES) {
        this.#begin(chunk, offset)
        offset += HEADER_BYTES
      } else {
        const missing = HEADER_BYTES - this.#headerBytes
        const taken = chunk.copy(this.#header, this.#headerBytes, offset, offset + missing)
        this.#headerBytes += taken
        offset += taken
        if (this.#headerBytes === HEADER_BYTES) {
          this.#headerBytes = 0
          this.#begin(this.#header, 0)
        }
      }
    }
  }

  /** Throws `stream-corrupt` when the stream ended inside a frame. */
  end(): void {
    if (this.#headerBytes > 0) throw corrupt('it ends inside a frame header')
    if (this.#remaining > 0) {
      throw corrupt(`it ends ${this.#remaining} bytes before the end of a frame`)
    }
    if (this.#systemError !== '') throw this.#engineFailure()
  }

  #begin(bytes: Buffer, at: number): void {
    if (this.#systemError !== '') throw this.#engineFailure()
    const type = bytes[at] ?? 0
    // A terminal's output, or a proxy's error page, is not framed: its first bytes are hardly ever this.
    if (type < STDOUT || type > SYSTEM_ERROR || bytes[at + 1] || bytes[at + 2] || bytes[at + 3]) {
      throw corrupt('it is not a multiplexed stream')
    }
    this.#type = type
    this.#remaining = bytes.readUInt32BE(at + 4)
  }

  #payload(piece: Buffer): void {
    if (this.#type === STDOUT) this.#sink.stdout(piece)
    else if (this.#type === STDERR) this.#sink.stderr(piece)
    else if (this.#systemError.length < 4096) this.#systemError += piece.toString('utf8')
  }

  #engineFailure(): AppError {
    return new AppError('stream-corrupt', {
      message: 'The Docker engine broke off the output of the command.',
      state: NOTHING_CHANGED,
      hint: 'Look into the engine’s log on the host, then run the command again.',
      details: this.#systemError,
    })
  }
}

/**
 * The standard output of a multiplexed connection, as a stream with backpressure; standard error goes
 * to a listener. Fails with `stream-corrupt` like {@link FrameParser}.
 */
export class Demultiplexer extends Readable {
  readonly #parser: FrameParser
  readonly #resume: () => void
  #pieces: Buffer[] = []
  #bytes = 0
  #finished = false
  #failure: Error | null = null

  /** `resume` is called when bytes may be fed again after `feed` returned false. */
  constructor(onStderr: (chunk: Buffer) => void, resume: () => void) {
    super({ highWaterMark: 1024 * 1024 })
    this.#resume = resume
    this.#parser = new FrameParser({
      stdout: piece => {
        this.#pieces.push(piece)
        this.#bytes += piece.length
      },
      stderr: onStderr,
    })
  }

  /** Why the source failed; null when it did not, also when only the reader gave up. */
  get failure(): Error | null {
    return this.#failure
  }

  /** True once the connection has said all it had to say. */
  get isFinished(): boolean {
    return this.#finished
  }

  /**
   * Takes bytes of the connection; they may be overwritten after the call. Returns false when the reader
   * lags behind and no more should come until `resume`.
   */
  feed(bytes: Buffer): boolean {
    if (this.destroyed) return false
    try {
      this.#parser.write(bytes)
    } catch (error) {
      this.fail(error as Error)
      return false
    }
    if (this.#bytes === 0) return true
    // One copy per read: the frames' pieces become one chunk, and the read buffer is free again.
    const chunk = Buffer.concat(this.#pieces, this.#bytes)
    this.#pieces = []
    this.#bytes = 0
    return this.push(chunk)
  }

  /** The connection ended in good order. */
  finish(): void {
    if (this.#finished || this.destroyed) return
    this.#finished = true
    try {
      this.#parser.end()
      this.push(null)
    } catch (error) {
      this.fail(error as Error)
    }
    this.emit('finished')
  }

  /** The source is broken: the reader gets the error, and `failure` tells it. */
  fail(error: Error): void {
    this.#failure ??= error
    this.destroy(error)
  }

  override _read(): void {
    this.#resume()
  }
}
