import { Demultiplexer } from '../multiplex.ts'
import { connectionError } from './connection-error.ts'
import type { RawConnection } from './raw-connection.ts'

/** The demultiplexed output of a raw connection. */
export interface ConnectionOutput {
  readonly stdout: Demultiplexer
  /** When the last byte came, milliseconds since the epoch. */
  lastByteAt(): number
  /** Ends output and connection with an error. */
  fail(error: unknown): void
}

/**
 * Wires the reading side of a raw connection: output with backpressure, an error when the connection
 * breaks, and the connection closed when nobody wants the output any more.
 */
export function outputOf(
  raw: RawConnection,
  endpoint: string,
  onStderr: (chunk: Buffer) => void,
): ConnectionOutput {
  const { connection } = raw
  let lastByteAt = Date.now()
  let hasEnded = false
  const stdout = new Demultiplexer(onStderr, () => raw.resume())
  // The consumer learns of an error by its own pipeline or by the result of the command.
  stdout.on('error', () => undefined)
  const fail = (error: unknown): void => {
    stdout.fail(connectionError(endpoint, error))
    connection.destroy()
  }
  connection.on('error', fail)
  connection.on('end', () => {
    hasEnded = true
    stdout.finish()
  })
  connection.on('close', () => {
    if (hasEnded) return
    fail(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }))
  })
  stdout.on('close', () => connection.destroy())
  raw.flow(bytes => {
    lastByteAt = Date.now()
    return stdout.feed(bytes)
  })
  return { stdout, lastByteAt: () => lastByteAt, fail }
}
