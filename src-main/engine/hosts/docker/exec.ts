import { randomUUID } from 'node:crypto'

import type {
  CommandOptions,
  CommandPlace,
  CommandResult,
  RunningCommand,
} from '../../lib/command.ts'
import { interrupted } from '../../lib/interrupted.ts'
import { Tail } from '../../lib/tail.ts'
import type { Demultiplexer } from '../multiplex.ts'
import type { ApiClient } from './api-client.ts'
import { engineWentAway } from './connection-error.ts'
import { COMMAND_MARK, killArgv } from './exec-kill.ts'
import { awaitExitCode, containerGone, createExec, startExec } from './exec-session.ts'
import { awaitStart } from './exec-start.ts'
import { inputOf } from './input.ts'
import { outputOf } from './output.ts'
import type { RawConnection } from './raw-connection.ts'
import { watchForStall } from './stall-watch.ts'

/** Ends the marked processes of a container that has no shell of its own. */
export type KillFromOutside = (containerId: string, argv: readonly string[]) => Promise<void>

/** Commands in one running container, by its id. */
export function containerPlace(
  api: ApiClient,
  containerId: string,
  description: string,
  killFromOutside: KillFromOutside,
): CommandPlace {
  return {
    description,
    start: async (argv, options = {}) => {
      if (options.signal?.aborted === true) throw interrupted()
      return new ExecCommand(api, containerId, description, options, killFromOutside).start(argv)
    },
  }
}

/** As a shell reports a command that SIGTERM ended. */
const ENDED_BY_TERM = 143

class ExecCommand {
  readonly #api: ApiClient
  readonly #containerId: string
  readonly #description: string
  readonly #options: CommandOptions
  readonly #killFromOutside: KillFromOutside
  readonly #commandId = randomUUID()
  readonly #tail = new Tail()
  readonly #stderrListeners: ((chunk: Buffer) => void)[] = []
  #execId = ''
  #settled = false
  #killing: Promise<void> | undefined

  constructor(
    api: ApiClient,
    containerId: string,
    description: string,
    options: CommandOptions,
    killFromOutside: KillFromOutside,
  ) {
    this.#api = api
    this.#containerId = containerId
    this.#description = description
    this.#options = options
    this.#killFromOutside = killFromOutside
  }

  async start(argv: readonly string[]): Promise<RunningCommand> {
    const { stdin, signal } = this.#options
    this.#execId = await createExec(
      this.#api,
      this.#containerId,
      this.#description,
      {
        argv,
        env: { ...this.#options.env, [COMMAND_MARK]: this.#commandId },
        user: this.#options.user,
        workingDirectory: this.#options.workingDirectory,
        stdin: stdin !== undefined,
      },
      signal,
    )
    // From here on the signal ends the command itself: breaking off the call would leave it running.
    const raw = await startExec(this.#api, this.#execId)
    const output = this.#wire(raw)
    const result = this.#result(output)
    // Whoever looks only at the stream must not bring the process down by an unhandled rejection.
    result.catch(() => undefined)
    try {
      await awaitStart(this.#api, this.#execId, output, argv, this.#description)
    } catch (error) {
      this.#settled = (error as { code?: unknown }).code !== 'host-unreachable'
      await this.#kill(output)
      throw error
    }

    const abort = (): void => void this.#kill(output)
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort, { once: true })
    output.once('close', () => signal?.removeEventListener('abort', abort))

    const input = stdin === undefined ? null : inputOf(raw.connection)
    if (input !== null && stdin !== undefined && stdin !== 'pipe') input.end(stdin)
    return {
      stdout: output,
      stdin: stdin === 'pipe' ? input : null,
      onStderr: listener => this.#listen(listener),
      result,
      kill: () => this.#kill(output),
    }
  }

  #listen(listener: (chunk: Buffer) => void): void {
    const early = this.#stderrListeners.length === 0 ? this.#tail.text() : ''
    if (early !== '') listener(Buffer.from(early))
    this.#stderrListeners.push(listener)
  }

  #wire(raw: RawConnection): Demultiplexer {
    const output = outputOf(raw, this.#api.endpoint, chunk => {
      this.#tail.write(chunk)
      for (const listener of this.#stderrListeners) listener(chunk)
    })
    watchForStall(this.#api, output)
    return output.stdout
  }

  async #result(output: Demultiplexer): Promise<CommandResult> {
    const wasRead = await new Promise<boolean>(resolve => {
      output.once('close', () => resolve(output.readableEnded))
    })
    try {
      if (output.failure !== null && this.#killing === undefined) {
        await this.#endAfterFailure()
        throw output.failure
      }
      // Nobody reads any more, so the command must not go on: it would hold locks and transactions.
      if (!wasRead && this.#killing === undefined) await this.#kill(output)
      const exitCode = await awaitExitCode(this.#api, this.#execId)
      if (exitCode === 'gone') throw containerGone(this.#description)
      // Its output has ended and it has not: the line was cut in a way that looks like an end.
      if (exitCode === null) await this.#runKillScript()
      return { exitCode: this.#honest(exitCode), stderr: this.#tail.text() }
    } catch (error) {
      // A stopping engine closes its streams without an error and takes its socket away.
      if ((error as { code?: unknown }).code === 'docker-missing')
        throw engineWentAway(this.#api.endpoint, error)
      throw error
    } finally {
      this.#settled = true
    }
  }

  /** A broken stream leaves a command that nobody listens to; when the engine still answers, it is ended. */
  async #endAfterFailure(): Promise<void> {
    try {
      await this.#api.ping(5000)
      await this.#runKillScript()
    } catch {
      // The engine is out of reach: helpers end by themselves, and the failure is told by the caller.
    }
  }

  /** A script whose child we ended may go on to a good end of its own; it was ended all the same. */
  #honest(exitCode: number | null): number | null {
    return exitCode === 0 && this.#killing !== undefined ? ENDED_BY_TERM : exitCode
  }

  #kill(output: Demultiplexer): Promise<void> {
    this.#killing ??= this.#end(output)
    return this.#killing
  }

  async #end(output: Demultiplexer): Promise<void> {
    if (this.#settled) {
      output.destroy()
      return
    }
    // First: output that nobody takes keeps the engine from noticing the end of any command in the container.
    output.destroy()
    await this.#runKillScript()
    await awaitExitCode(this.#api, this.#execId)
  }

  async #runKillScript(): Promise<void> {
    const argv = killArgv(this.#commandId)
    const { user } = this.#options
    try {
      const command = new ExecCommand(
        this.#api,
        this.#containerId,
        this.#description,
        user === undefined ? {} : { user },
        () => Promise.resolve(),
      )
      const running = await command.start(argv)
      running.stdout.resume()
      await running.result
    } catch (error) {
      if ((error as { code?: unknown }).code === 'container-gone') return
      if ((error as { code?: unknown }).code !== 'tool-missing') throw error
      await this.#killFromOutside(this.#containerId, argv)
    }
  }
}
