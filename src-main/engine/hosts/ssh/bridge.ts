import { Duplex } from 'node:stream'

import type { RunningCommand } from '../../lib/command.ts'
import type { OnBytes } from '../docker/transport.ts'

/**
 * A program's input and output as one two-way connection: ending our side ends its input, destroying
 * the connection ends the program.
 */
export class ProgramConnection extends Duplex {
  readonly #command: RunningCommand

  constructor(command: RunningCommand) {
    super({ allowHalfOpen: true })
    this.#command = command
    const { stdout } = command
    stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause()
    })
    stdout.on('end', () => this.push(null))
    command.result.then(
      ({ exitCode, stderr }) => {
        if (exitCode !== 0 && !this.destroyed) this.destroy(this.#broken(stderr))
      },
      (error: unknown) => this.destroy(error as Error),
    )
  }

  override _read(): void {
    this.#command.stdout.resume()
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#command.stdin?.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.#command.stdin?.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#command.kill().then(
      () => done(error),
      () => done(error),
    )
  }

  // What the http module expects of a socket and a pipe has no use for.
  setKeepAlive(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setTimeout(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  #broken(stderr: string): Error {
    return Object.assign(
      new Error(stderr.trim() || 'the program that carried the connection ended'),
      {
        code: 'ECONNRESET',
      },
    )
  }
}

/** The connection with its bytes handed to a consumer, as sockets do it. */
export function withConsumer(connection: ProgramConnection, onBytes: OnBytes | undefined): Duplex {
  if (onBytes !== undefined) {
    connection.on('data', (chunk: Buffer) => {
      if (!onBytes(chunk)) connection.pause()
    })
  }
  return connection
}
