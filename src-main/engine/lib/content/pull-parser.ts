/**
 * The body of a parser that asks for its bytes: `yield n` gives the next n bytes, `yield -n` skips n,
 * `yield 0` says that the data may end here. It throws `Damage` for what it cannot accept.
 */
export type PullBody = Generator<number, void, Uint8Array>

/** What is wrong with the data, in words that follow "it is damaged: ". */
export class Damage extends Error {}

/** Feeds a parser's body with bytes as they come, however they are cut. */
export class PullParser {
  readonly #body: PullBody
  #need = 0
  #held: Uint8Array[] = []
  #heldBytes = 0
  #mayEnd = false
  #done = false
  #problem: string | null = null

  constructor(body: PullBody) {
    this.#body = body
    this.#resume(new Uint8Array(0))
  }

  write(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && this.#problem === null) {
      if (this.#done) {
        this.#problem = 'data follows its end'
        return
      }
      this.#mayEnd = false
      const wanted = Math.abs(this.#need) - this.#heldBytes
      const take = Math.min(wanted, chunk.length - at)
      const piece = chunk.subarray(at, at + take)
      at += take
      if (this.#need < 0) this.#skip(take)
      else this.#take(piece, take === wanted)
    }
  }

  /** What is wrong now that all bytes have been seen; null when the data is whole. */
  finish(): string | null {
    if (this.#problem !== null) return this.#problem
    return this.#done || this.#mayEnd ? null : 'it ends too early'
  }

  #skip(bytes: number): void {
    this.#need += bytes
    if (this.#need === 0) this.#resume(new Uint8Array(0))
  }

  #take(piece: Uint8Array, isLast: boolean): void {
    if (isLast && this.#heldBytes === 0) return this.#resume(piece)
    this.#held.push(Buffer.from(piece))
    this.#heldBytes += piece.length
    if (!isLast) return
    const bytes = Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    this.#resume(bytes)
  }

  #resume(bytes: Uint8Array): void {
    try {
      let step = this.#body.next(bytes)
      while (step.done !== true && step.value === 0) {
        this.#mayEnd = true
        step = this.#body.next(new Uint8Array(0))
      }
      if (step.done === true) this.#done = true
      else this.#need = step.value
    } catch (error) {
      if (!(error instanceof Damage)) throw error
      this.#problem = error.message
    }
  }
}
