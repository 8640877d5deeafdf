/** What a piece of a Zstandard stream is: part of a data frame, or of a skippable one. */
export interface FramePiece {
  readonly bytes: Uint8Array
  readonly data: boolean
  /** True when a frame ends with this piece. */
  readonly last: boolean
}

type Step = 'magic' | 'skip-size' | 'descriptor' | 'header' | 'block' | 'body' | 'skip' | 'checksum'

const dictionaryBytes = [0, 1, 2, 4] as const
const contentSizeBytes = [0, 2, 4, 8] as const

function magicBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

/**
 * Walks the frame and block headers of a Zstandard stream (RFC 8878), without decoding it. Node's
 * decoder takes truncated input for complete and stops after the first frame; only this walk knows
 * where a frame really ends.
 */
export class FrameWalker {
  #step: Step = 'magic'
  #need = 4
  #value = 0n
  #got = 0
  #data = false
  #checksum = false
  #lastBlock = false
  #frames = 0
  #problem: string | null = null

  /** Why the stream is not Zstandard; null as long as it is. */
  get problem(): string | null {
    return this.#problem
  }

  /** Number of data frames that have ended. */
  get frames(): number {
    return this.#frames
  }

  /** True at the border between two frames, where a stream may end. */
  get atBorder(): boolean {
    return this.#problem === null && this.#step === 'magic' && this.#got === 0
  }

  /** Cuts a chunk into the pieces of its frames. A magic number that is not whole yet comes with the next chunk. */
  write(chunk: Uint8Array): FramePiece[] {
    const pieces: FramePiece[] = []
    let start = 0
    let at = 0
    const push = (last: boolean): void => {
      if (start < at || last)
        pieces.push({ bytes: chunk.subarray(start, at), data: this.#data, last })
      start = at
    }
    while (at < chunk.length && this.#problem === null) {
      const isSplitMagic = this.#step === 'magic' && at === 0 && this.#got > 0
      const take = Math.min(this.#need - this.#got, chunk.length - at)
      if (this.#step !== 'body' && this.#step !== 'skip') {
        for (let index = 0; index < take && this.#got + index < 8; index += 1) {
          this.#value |= BigInt(chunk[at + index] ?? 0) << BigInt(8 * (this.#got + index))
        }
      }
      at += take
      this.#got += take
      if (this.#got < this.#need) break
      const value = Number(this.#value)
      const ended = this.#advance(value)
      if (isSplitMagic) {
        pieces.push({ bytes: magicBytes(value), data: this.#data, last: false })
        start = at
      }
      if (ended) push(true)
    }
    if (this.#step === 'magic') return pieces
    push(false)
    return pieces
  }

  #expect(step: Step, need: number): void {
    this.#step = step
    this.#need = need
    this.#got = 0
    this.#value = 0n
  }

  /** The current field is complete. Returns true when a frame has ended. */
  #advance(value: number): boolean {
    switch (this.#step) {
      case 'magic':
        return this.#magic(value)
      case 'skip-size':
        if (value === 0) return this.#endOfFrame()
        this.#expect('skip', value)
        return false
      case 'descriptor':
        return this.#descriptor(value)
      case 'header':
        this.#expect('block', 3)
        return false
      case 'block':
        return this.#block(value)
      case 'body':
        return this.#afterBlock()
      case 'skip':
      case 'checksum':
        return this.#endOfFrame()
    }
  }

  #magic(value: number): boolean {
    if (value === 0xfd2fb528) {
      this.#data = true
      this.#expect('descriptor', 1)
    } else if (value >= 0x184d2a50 && value <= 0x184d2a5f) {
      this.#data = false
      this.#expect('skip-size', 4)
    } else {
      this.#problem =
        this.#frames === 0 ? 'it is not Zstandard data' : 'bytes follow the last frame'
    }
    return false
  }

  #descriptor(value: number): boolean {
    if ((value & 0x08) !== 0) {
      this.#problem = 'a frame header is damaged'
      return false
    }
    const single = (value & 0x20) !== 0
    const contentSize = contentSizeBytes[(value >> 6) as 0 | 1 | 2 | 3]
    this.#checksum = (value & 0x04) !== 0
    this.#expect(
      'header',
      (single ? 0 : 1) +
        dictionaryBytes[(value & 3) as 0 | 1 | 2 | 3] +
        (single && contentSize === 0 ? 1 : contentSize),
    )
    return false
  }

  #block(value: number): boolean {
    this.#lastBlock = (value & 1) !== 0
    const type = (value >> 1) & 3
    const size = value >> 3
    if (type === 3 || size > 128 * 1024) {
      this.#problem = 'a block header is damaged'
      return false
    }
    const stored = type === 1 ? 1 : size
    if (stored === 0) return this.#afterBlock()
    this.#expect('body', stored)
    return false
  }

  #afterBlock(): boolean {
    if (!this.#lastBlock) {
      this.#expect('block', 3)
      return false
    }
    if (!this.#checksum) return this.#endOfFrame()
    this.#expect('checksum', 4)
    return false
  }

  #endOfFrame(): boolean {
    if (this.#data) this.#frames += 1
    this.#expect('magic', 4)
    return true
  }
}
