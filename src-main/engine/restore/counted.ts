import type { Readable } from 'node:stream'
import { pipeline, Transform } from 'node:stream'

/** The same bytes, counted as they pass; errors pass as well. */
export function counted(source: Readable, onBytes: (bytes: number) => void): Readable {
  const counter = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      onBytes(chunk.length)
      done(null, chunk)
    },
  })
  pipeline(source, counter, () => undefined)
  return counter
}
