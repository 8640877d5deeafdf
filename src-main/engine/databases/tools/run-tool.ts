import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { CommandOptions, CommandPlace } from '../../lib/command.ts'

/** More than any answer that a driver asks for; a tool that says more than this is not what it seems. */
const ANSWER_LIMIT = 64 * 1024 * 1024

export interface ToolAnswer {
  /** Null when the place could not tell. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a short command to its end and gives back what it said; any exit code is an answer. */
export async function runTool(
  place: CommandPlace,
  argv: readonly string[],
  options: CommandOptions,
): Promise<ToolAnswer> {
  const running = await place.start(argv, options)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of running.stdout as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > ANSWER_LIMIT) {
      await running.kill()
      throw new Error(`${argv[0] ?? 'a command'} answered with more than ${ANSWER_LIMIT} bytes`)
    }
    chunks.push(chunk)
  }
  const { exitCode, stderr } = await running.result
  return { exitCode, stdout: Buffer.concat(chunks).toString('utf8'), stderr }
}

/**
 * Runs a script that looks around in a container and ends with 0 by itself. Any other end says that the
 * container went away or that its shell could not do it, and nothing about what is in it.
 */
export async function lookAround(
  place: CommandPlace,
  argv: readonly string[],
  options: CommandOptions,
): Promise<ToolAnswer> {
  const answer = await runTool(place, argv, options)
  if (answer.exitCode === 0) return answer
  throw new AppError('command-failed', {
    message: `Nothing could be asked in ${place.description}.`,
    state: NOTHING_CHANGED,
    hint: 'Look whether the container still runs, then run the command again.',
    details: `exit code ${String(answer.exitCode)}\n${answer.stderr}`,
  })
}
