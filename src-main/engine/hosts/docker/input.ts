import type { Duplex } from 'node:stream'
import { Writable } from 'node:stream'

/**
 * The input side of a two-way connection: writes wait until the engine takes them, and `end` closes
 * the input of the command while its output goes on.
 */
export function inputOf(connection: Duplex): Writable {
  const input = new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk: Buffer, _encoding, done) => void connection.write(chunk, done),
    final: done => void connection.end(() => done()),
    destroy: (error, done) => {
      connection.end()
      done(error)
    },
  })
  // A command that ends without reading its input breaks the pipe; its exit code tells the story.
  input.on('error', () => undefined)
  return input
}
