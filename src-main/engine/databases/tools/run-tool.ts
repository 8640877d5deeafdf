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
