/** Keeps the last bytes of a stream, for formats that end with a mark. */
export class Tail {
  readonly #limit: number
  #held: Buffer = Buffer.alloc(0)

  constructor(limit: number) {
    this.#limit = limit
  }

  write(chunk: Uint8Array): void {
    const last = Buffer.from(chunk.subarray(Math.max(0, chunk.length - this.#limit)))
    const kept = this.#held.subarray(Math.max(0, this.#held.length + last.length - this.#limit))
    this.#held = kept.length === 0 ? last : Buffer.concat([kept, last])
  }

  get bytes(): Buffer {
    return this.#held
  }

  /** Its lines, latin1; the first may be cut. */
  lines(): string[] {
    return this.#held.toString('latin1').split(/\r?\n/)
  }
}

/** Keeps the first bytes of a stream. */
export class Head {
  readonly #limit: number
  #held: Buffer = Buffer.alloc(0)

  constructor(limit: number) {
    this.#limit = limit
  }

  write(chunk: Uint8Array): void {
    if (this.#held.length >= this.#limit) return
    this.#held = Buffer.concat([this.#held, chunk.subarray(0, this.#limit - this.#held.length)])
  }

  get bytes(): Buffer {
    return this.#held
  }

  /** Its lines, latin1; the last may be cut. */
  lines(): string[] {
    return this.#held.toString('latin1').split(/\r?\n/)
  }
}
