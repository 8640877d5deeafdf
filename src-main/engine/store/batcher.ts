const batchBytes = 1024 * 1024

/**
 * Collects chunks of any size into buffers of 1 MiB for a sink, so that nothing after it pays per
 * chunk. One buffer is filled while the other is with the sink; `add` waits when both are taken.
 */
export class Batcher {
  readonly #sink: (batch: Buffer) => Promise<void>
  #filling = Buffer.allocUnsafeSlow(batchBytes)
  #spare = Buffer.allocUnsafeSlow(batchBytes)
  #used = 0
  #busy: Promise<void> = Promise.resolve()

  /** `sink` must not touch its batch after it has settled. */
  constructor(sink: (batch: Buffer) => Promise<void>) {
    this.#sink = sink
  }

  /** Copies the chunk; rejects with the sink's error. */
  async add(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const take = Math.min(batchBytes - this.#used, chunk.length - at)
      this.#filling.set(chunk.subarray(at, at + take), this.#used)
      this.#used += take
      at += take
      if (this.#used === batchBytes) await this.#hand()
    }
  }

  /** Hands over what is left and waits for the sink. */
  async end(): Promise<void> {
    if (this.#used > 0) await this.#hand()
    await this.#busy
  }

  async #hand(): Promise<void> {
    await this.#busy
    const batch = this.#filling.subarray(0, this.#used)
    const full = this.#filling
    this.#filling = this.#spare
    this.#spare = full
    this.#used = 0
    this.#busy = this.#sink(batch)
    // Seen by the next await of it.
    this.#busy.catch(() => undefined)
  }
}
