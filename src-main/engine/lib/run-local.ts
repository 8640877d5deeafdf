import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { PassThrough } from 'node:stream'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { CommandOptions, CommandPlace, CommandResult, RunningCommand } from './command.ts'
import { interrupted } from './interrupted.ts'
import { localEnvironment } from './local-environment.ts'
import { Tail } from './tail.ts'

const GENTLE_MS = 5_000
const LIMIT_MS = 10_000
const onWindows = process.platform === 'win32'

/** Commands on this computer: an argv, never a shell; a short list of the environment's variables. */
export const thisComputer: CommandPlace = {
  description: 'this computer',
  start: startLocal,
}

async function startLocal(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<RunningCommand> {
  const [program, ...rest] = argv
  if (program === undefined) throw new Error('an argv needs a program')
  if (isAborted(options.signal)) throw interrupted()
  if (options.user !== undefined) throw new Error('a local command runs as the user of Lifeboat')
  if (options.workingDirectory !== undefined) await checkFolder(options.workingDirectory)

  const child = spawn(program, rest, {
    env: { ...localEnvironment(process.env), ...options.env },
    cwd: options.workingDirectory,
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    // A group of its own, so that a pipe of several programs is ended as a whole.
    detached: !onWindows,
    windowsHide: true,
  })
  const tail = new Tail()
  const listeners: ((chunk: Buffer) => void)[] = []
  // Node throws away what a child that has exited left unread: both pipes are read from the first moment on.
  const stdout = new PassThrough({ highWaterMark: 1024 * 1024 })
  stdout.on('error', () => undefined)
  child.stdout?.pipe(stdout)
  child.stderr?.on('data', (chunk: Buffer) => {
    tail.write(chunk)
    for (const listener of listeners) listener(chunk)
  })
  try {
    await once(child, 'spawn')
  } catch (error) {
    throw notStarted(program, error)
  }

  const command = new LocalCommand(child, stdout, tail)
  const abort = (): void => void command.kill()
  if (isAborted(options.signal)) abort()
  options.signal?.addEventListener('abort', abort, { once: true })
  child.once('close', () => options.signal?.removeEventListener('abort', abort))

  child.stdin?.on('error', () => undefined)
  if (options.stdin !== undefined && options.stdin !== 'pipe') child.stdin?.end(options.stdin)
  return {
    stdout,
    stdin: options.stdin === 'pipe' ? child.stdin : null,
    onStderr: listener => {
      const early = listeners.length === 0 ? tail.text() : ''
      if (early !== '') listener(Buffer.from(early))
      listeners.push(listener)
    },
    result: command.result,
    kill: () => command.kill(),
  }
}

class LocalCommand {
  readonly result: Promise<CommandResult>
  readonly #child: ChildProcess
  readonly #stdout: Readable & Writable
  readonly #closed: Promise<unknown>
  #isClosed = false
  #killing: Promise<void> | undefined

  constructor(child: ChildProcess, stdout: PassThrough, tail: Tail) {
    this.#child = child
    this.#stdout = stdout
    this.#closed = once(child, 'close').then(() => {
      this.#isClosed = true
    })
    this.result = this.#finish(stdout, tail)
    this.result.catch(() => undefined)
  }

  kill(): Promise<void> {
    this.#killing ??= this.#end()
    return this.#killing
  }

  async #finish(stdout: PassThrough, tail: Tail): Promise<CommandResult> {
    await new Promise(resolve => stdout.once('close', resolve))
    // Nobody reads any more: the command has nobody to work for.
    if (!stdout.readableEnded && !this.#isClosed) await this.kill()
    await this.#closed
    const { exitCode, signalCode } = this.#child
    return { exitCode: exitCode ?? signalNumber(signalCode), stderr: tail.text() }
  }

  async #end(): Promise<void> {
    const started = Date.now()
    this.#signal('SIGTERM')
    let forced = false
    // The group outlives its leader when a member does; it is gone when nobody can be signalled.
    while (this.#groupLives() && Date.now() - started < LIMIT_MS) {
      if (!forced && Date.now() - started >= GENTLE_MS) {
        this.#signal('SIGKILL')
        forced = true
      }
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    // Nobody may read the rest, and without it the child would never count as closed.
    this.#child.stdout?.resume()
    this.#stdout.destroy()
    await Promise.race([this.#closed, new Promise(resolve => setTimeout(resolve, 1000).unref())])
  }

  #groupLives(): boolean {
    const { pid } = this.#child
    if (pid === undefined) return false
    if (onWindows) return !this.#isClosed
    try {
      process.kill(-pid, 0)
      return true
    } catch {
      return false
    }
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child
    if (pid === undefined || (onWindows && this.#isClosed)) return
    try {
      if (onWindows) spawn('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore' })
      else process.kill(-pid, signal)
    } catch {
      // It ended meanwhile.
    }
  }
}

/** As a shell reports a program that a signal ended. */
function signalNumber(signal: NodeJS.Signals | null): number | null {
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGHUP: 129,
    SIGINT: 130,
    SIGQUIT: 131,
    SIGABRT: 134,
    SIGBUS: 135,
    SIGFPE: 136,
    SIGKILL: 137,
    SIGSEGV: 139,
    SIGPIPE: 141,
    SIGTERM: 143,
  }
  return signal === null ? null : (numbers[signal] ?? 128)
}

function notStarted(program: string, error: unknown): AppError {
  const code = (error as { code?: unknown }).code
  const missing = code === 'ENOENT' || code === 'EACCES'
  return new AppError(
    missing ? 'tool-missing' : 'command-failed',
    {
      message: missing
        ? `There is no program \`${program}\` on this computer.`
        : `\`${program}\` could not be started on this computer.`,
      state: NOTHING_CHANGED,
      hint: missing
        ? `Install \`${program}\`, then run the command again.`
        : 'Look at the details.',
      details: error instanceof Error ? error.message : String(error),
    },
    error,
  )
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** A missing folder would look like a missing program. */
async function checkFolder(folder: string): Promise<void> {
  try {
    await access(folder)
  } catch (error) {
    throw new AppError(
      'path-missing',
      {
        message: `The folder ${folder} is not there.`,
        state: NOTHING_CHANGED,
        hint: 'Check the path.',
      },
      error,
    )
  }
}
