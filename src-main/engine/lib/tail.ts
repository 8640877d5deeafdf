const DEFAULT_LIMIT = 64 * 1024

/**
 * Keeps the last bytes of a stream of text, 64 KiB unless told otherwise, however much of it comes.
 */
export class Tail {
  readonly #limit: number
  #chunks: Buffer[] = []
  #kept = 0
  #dropped = 0

  constructor(limit: number = DEFAULT_LIMIT) {
    this.#limit = limit
  }

  write(chunk: Buffer): void {
    const piece = chunk.length > this.#limit ? chunk.subarray(chunk.length - this.#limit) : chunk
    this.#dropped += chunk.length - piece.length
    // A copy: a view would keep the network buffer that it was cut from alive.
    this.#chunks.push(Buffer.from(piece))
    this.#kept += piece.length
    if (this.#kept > 2 * this.#limit) this.#trim()
  }

  /** The text, led by a note when something before it was left out. */
  text(): string {
    this.#trim()
    const text = Buffer.concat(this.#chunks).toString('utf8')
    return this.#dropped === 0
      ? text
      : `[${this.#dropped} bytes before this were left out]\n${text}`
  }

  #trim(): void {
    if (this.#kept <= this.#limit) return
    const all = Buffer.concat(this.#chunks)
    this.#dropped += all.length - this.#limit
    this.#chunks = [Buffer.from(all.subarray(all.length - this.#limit))]
    this.#kept = this.#limit
  }
}
