const headBytes = 8
const stdoutType = 1

/**
 * Passes on an HTTP answer and the multiplexed frames after it, but always keeps back the latest frame of
 * standard output: when the stream ends, that one is lost. Other frames pass at once.
 */
export class FrameHolder {
  #pending: Buffer = Buffer.alloc(0)
  #headPassed = false
  #held: Buffer | undefined

  /** What may be passed on now that this chunk has come. */
  push(chunk: Buffer): Buffer {
    this.#pending = Buffer.concat([this.#pending, chunk])
    const out: Buffer[] = []
    if (!this.#headPassed) {
      const end = this.#pending.indexOf('\r\n\r\n')
      if (end < 0) return Buffer.alloc(0)
      this.#headPassed = true
      out.push(this.#take(end + 4))
    }
    for (;;) {
      if (this.#pending.length < headBytes) break
      const size = headBytes + this.#pending.readUInt32BE(4)
      if (this.#pending.length < size) break
      const frame = this.#take(size)
      if (frame[0] !== stdoutType) {
        out.push(frame)
        continue
      }
      if (this.#held !== undefined) out.push(this.#held)
      this.#held = frame
    }
    return Buffer.concat(out)
  }

  #take(size: number): Buffer {
    const taken = this.#pending.subarray(0, size)
    this.#pending = this.#pending.subarray(size)
    return taken
  }
}
