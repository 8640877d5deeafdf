import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { CommandOptions, CommandPlace } from './command.ts'
import { interrupted } from './interrupted.ts'

export interface RunTextOptions extends Omit<CommandOptions, 'stdin'> {
  readonly stdin?: string | Buffer
  /** Exit codes that count as success here; `[0]` when left out. */
  readonly acceptExitCodes?: readonly number[]
  /** More output than this is a failure; 16 MiB when left out. */
  readonly maxBytes?: number
  /** What the failure's error says about the state of data and services. */
  readonly state?: string
  readonly hint?: string
}

export interface RunTextResult {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024

/**
 * Runs a command to its end and returns its output as text. Rejects with `command-failed` when the exit
 * code is not accepted, is unknown, or the output is too long; `tool-missing` for 126 and 127;
 * `interrupted` when the signal ended it.
 */
export async function runText(
  place: CommandPlace,
  argv: readonly string[],
  options: RunTextOptions = {},
): Promise<RunTextResult> {
  const { acceptExitCodes: accepted = [0], maxBytes = DEFAULT_MAX_BYTES, stdin, ...rest } = options
  const input = stdin === undefined ? {} : { stdin: Buffer.from(stdin) }
  const command = await place.start(argv, { ...rest, ...input })
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of command.stdout) {
      chunks.push(chunk as Buffer)
      bytes += (chunk as Buffer).length
      if (bytes > maxBytes) break
    }
  } catch (error) {
    if (options.signal?.aborted !== true) {
      await command.kill()
      throw error
    }
  }
  if (bytes > maxBytes) {
    await command.kill()
    throw failure(place, argv, options, `it printed more than ${maxBytes} bytes`, '')
  }
  const { exitCode, stderr } = await command.result
  if (options.signal?.aborted === true) throw interrupted(options.state)
  if (exitCode !== null && accepted.includes(exitCode)) {
    return { stdout: Buffer.concat(chunks).toString('utf8'), stderr, exitCode }
  }
  if (exitCode === 127 || exitCode === 126) throw missing(place, argv, options, stderr)
  const how = exitCode === null ? 'its exit code could not be learned' : `exit code ${exitCode}`
  throw failure(place, argv, options, how, stderr)
}

function failure(
  place: CommandPlace,
  argv: readonly string[],
  options: RunTextOptions,
  how: string,
  stderr: string,
): AppError {
  return new AppError('command-failed', {
    message: `\`${argv[0] ?? ''}\` failed in the ${place.description}: ${how}.`,
    state: options.state ?? NOTHING_CHANGED,
    hint: options.hint ?? 'Look at the details; they are the program’s own words.',
    ...(stderr === '' ? {} : { details: stderr }),
  })
}

function missing(
  place: CommandPlace,
  argv: readonly string[],
  options: RunTextOptions,
  stderr: string,
): AppError {
  return new AppError('tool-missing', {
    message: `A program that \`${argv[0] ?? ''}\` needs is missing in the ${place.description}.`,
    state: options.state ?? NOTHING_CHANGED,
    hint: options.hint ?? 'Use an image that has it, or exclude what needs it from the backup.',
    ...(stderr === '' ? {} : { details: stderr }),
  })
}
