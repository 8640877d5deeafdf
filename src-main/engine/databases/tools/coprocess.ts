import { randomBytes } from 'node:crypto'
import { StringDecoder } from 'node:string_decoder'

import { AppError } from '../../../contract/errors.ts'
import type { CommandOptions, CommandPlace, RunningCommand } from '../../lib/command.ts'

/** How one client program is told to mark the end of an answer. */
export interface CoprocessDialect {
  /**
   * What is sent for one question: the statement, then whatever makes the client print a line that
   * begins with `marker` and ends with the error's code, once all before it has been answered.
   */
  request(statement: string, marker: string): string
  /** The error in the answer (text before the marker, rest of the marker's line, stderr's end), null when it went well. */
  failure(body: string, trailer: string, stderr: string): string | null
}

/** An error that the server answered with; the session goes on. */
export class StatementError extends Error {
  /** SQLSTATE or the engine's own number, when known. */
  readonly code: string

  constructor(message: string, code: string) {
    super(message)
    this.name = 'StatementError'
    this.code = code
  }
}

/**
 * A database client that is kept open in the container: questions go in on stdin, answers end with a
 * random marker. One question at a time; a client that ends is an error for whoever waits.
 */
export class Coprocess {
  readonly #running: RunningCommand
  readonly #dialect: CoprocessDialect
  readonly #what: string
  readonly #ended: Promise<void>
  #text = ''
  #stderr = ''
  #over = false
  #waiting: ((more: boolean) => void) | null = null
  #queue: Promise<unknown> = Promise.resolve()

  private constructor(running: RunningCommand, dialect: CoprocessDialect, what: string) {
    this.#running = running
    this.#dialect = dialect
    this.#what = what
    running.onStderr(chunk => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-16_384)
    })
    running.stdin?.on('error', () => {
      // A client that went away shows itself at the end of its stdout.
    })
    this.#ended = this.#read()
  }

  /** Starts the client. `what` is for messages: `psql in container chatalot-db-1`. */
  static async start(
    place: CommandPlace,
    argv: readonly string[],
    options: Omit<CommandOptions, 'stdin'>,
    dialect: CoprocessDialect,
    what: string,
  ): Promise<Coprocess> {
    const running = await place.start(argv, { ...options, stdin: 'pipe' })
    return new Coprocess(running, dialect, what)
  }

  /** Sends one statement and resolves with what the client printed. Rejects with `StatementError` or `command-failed`. */
  async ask(statement: string): Promise<string> {
    const answer = this.#queue.then(() => this.#ask(statement))
    this.#queue = answer.catch(() => undefined)
    return answer
  }

  /** What the client said on stderr, the last of it. */
  get stderr(): string {
    return this.#stderr
  }

  /** Ends the client and waits until it is gone. Safe to call twice. */
  async close(): Promise<void> {
    this.#running.stdin?.end()
    const settled = await Promise.race([
      this.#ended.then(() => true),
      new Promise<false>(resolve => setTimeout(resolve, 5000, false).unref()),
    ])
    if (!settled) await this.#running.kill()
    await this.#running.result.catch(() => undefined)
  }

  async #ask(statement: string): Promise<string> {
    const marker = `lifeboat-${randomBytes(12).toString('hex')}`
    this.#text = ''
    if (!this.#over) this.#running.stdin?.write(this.#dialect.request(statement, marker))
    for (;;) {
      const at = this.#text.indexOf(marker)
      const lineEnd = at === -1 ? -1 : this.#text.indexOf('\n', at)
      if (lineEnd !== -1) {
        const body = this.#text.slice(0, at)
        const trailer = this.#text.slice(at + marker.length, lineEnd).trim()
        const failure = this.#dialect.failure(body, trailer, this.#stderr)
        if (failure !== null) throw new StatementError(failure, trailer.split(' ').at(-1) ?? '')
        return body.replace(/\n$/, '')
      }
      if (this.#over) throw await this.#gone()
      await new Promise<boolean>(resolve => {
        this.#waiting = resolve
      })
    }
  }

  async #read(): Promise<void> {
    const decoder = new StringDecoder('utf8')
    try {
      for await (const chunk of this.#running.stdout as AsyncIterable<Buffer>) {
        this.#text += decoder.write(chunk)
        this.#wake()
      }
    } catch {
      // The reason is in the command's result.
    }
    this.#over = true
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.(true)
  }

  async #gone(): Promise<AppError> {
    const result = await this.#running.result.catch((error: unknown) => error)
    if (result instanceof AppError) return result
    const exitCode =
      result instanceof Error ? null : (result as { exitCode: number | null }).exitCode
    return new AppError('command-failed', {
      message: `The connection to the database ended: ${this.#what}${
        exitCode === null ? '' : ` (exit code ${exitCode})`
      }.`,
      state: 'What was not finished was taken back by the database itself.',
      hint: 'Look into the log of the database’s container, then run the command again.',
      details: this.#stderr,
    })
  }
}
