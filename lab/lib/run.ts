import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

export interface RunOptions {
  readonly cwd?: string
  /** The whole environment of the child; the parent's when left out. */
  readonly env?: NodeJS.ProcessEnv
  /** Bytes for standard input; it is empty when left out. */
  readonly input?: string | Uint8Array
  /** Milliseconds after which the child is killed and the call fails. */
  readonly timeoutMs?: number
}

export interface RunResult {
  /** Exit code; 128 + signal number is not made up: a killed child has code -1. */
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** A command of the lab failed. The message holds the command and the end of its error output. */
export class CommandFailed extends Error {
  readonly argv: readonly string[]
  readonly result: RunResult

  constructor(argv: readonly string[], result: RunResult) {
    const tail = result.stderr.trim().split('\n').slice(-15).join('\n')
    super(`${argv.join(' ').slice(0, 300)} ended with code ${result.code}\n${tail}`)
    this.name = 'CommandFailed'
    this.argv = argv
    this.result = result
  }
}

/** Runs a program to its end; never throws for an exit code. Throws when it cannot be started. */
export async function tryRun(
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const [program, ...rest] = argv
  if (program === undefined) throw new Error('no program named')
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.timeoutMs === undefined
      ? {}
      : { timeout: options.timeoutMs, killSignal: 'SIGKILL' as const }),
  })
  const stdout = gather(child.stdout)
  const stderr = gather(child.stderr)
  // A child that ends without reading its input is judged by its exit code, not by the broken pipe.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', exitCode => resolve(exitCode ?? -1))
  })
  return { code, stdout: await stdout, stderr: (await stderr).toString('utf8') }
}

/** Runs a program that must succeed; resolves to what it printed. Throws {@link CommandFailed}. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  return (await runBytes(argv, options)).toString('utf8')
}

/** As {@link run}, for output that is not text. */
export async function runBytes(argv: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const result = await tryRun(argv, options)
  if (result.code !== 0) throw new CommandFailed(argv, result)
  return result.stdout
}

/** `first | second`, both of which must succeed. */
export async function runPipe(
  first: readonly string[],
  second: readonly string[],
  env: { readonly first: NodeJS.ProcessEnv; readonly second: NodeJS.ProcessEnv },
): Promise<void> {
  const source = spawn(first[0] ?? '', first.slice(1), {
    env: env.first,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const sink = spawn(second[0] ?? '', second.slice(1), {
    env: env.second,
    stdio: [source.stdout, 'ignore', 'pipe'],
  })
  const outcomes = await Promise.all(
    [
      { child: source, argv: first },
      { child: sink, argv: second },
    ].map(async part => {
      const stderr = gather(part.child.stderr)
      const code = await new Promise<number>((resolve, reject) => {
        part.child.once('error', reject)
        part.child.once('exit', exitCode => resolve(exitCode ?? -1))
      })
      const text = (await stderr).toString('utf8')
      return { argv: part.argv, result: { code, stdout: Buffer.alloc(0), stderr: text } }
    }),
  )
  for (const outcome of outcomes) {
    if (outcome.result.code !== 0) throw new CommandFailed(outcome.argv, outcome.result)
  }
}

async function gather(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
