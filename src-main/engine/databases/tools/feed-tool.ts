import type { Readable, Writable } from 'node:stream'

import type { CommandOptions, CommandPlace } from '../../lib/command.ts'
import type { ToolAnswer } from './run-tool.ts'

/** Output of a loading tool is chatter; more than this is dropped. */
const OUTPUT_LIMIT = 256 * 1024

/**
 * Runs a command that reads a stream to its end. When the stream fails (a hash that does not fit, a
 * cancelled job) the command is killed and the stream's error is thrown: half an input must never pass
 * for a whole one. When the command ends early, its own answer is what counts.
 */
export async function feedTool(
  place: CommandPlace,
  argv: readonly string[],
  input: Readable,
  options: Omit<CommandOptions, 'stdin'>,
): Promise<ToolAnswer> {
  const running = await place.start(argv, { ...options, stdin: 'pipe' }).catch((error: unknown) => {
    input.destroy()
    throw error
  })
  const { stdin } = running
  if (stdin === null) throw new Error('the command was started without an input')
  const chunks: Buffer[] = []
  let kept = 0
  running.stdout.on('data', (chunk: Buffer) => {
    if (kept < OUTPUT_LIMIT) chunks.push(chunk)
    kept += chunk.length
  })
  for (const stream of [running.stdout, stdin]) {
    stream.on('error', () => {
      // The command's result tells why.
    })
  }
  let over = false
  const result = running.result.finally(() => {
    over = true
    input.destroy()
    stdin.destroy()
  })
  result.catch(() => undefined)
  const inputError = await pump(input, stdin, () => over)
  if (inputError !== null) {
    await running.kill()
    await result.catch(() => undefined)
    throw inputError
  }
  const { exitCode, stderr } = await result
  options.signal?.throwIfAborted()
  return { exitCode, stdout: Buffer.concat(chunks).toString('utf8'), stderr }
}

/** Gives back the input's error; that the reader went away is none. */
async function pump(input: Readable, stdin: Writable, over: () => boolean): Promise<Error | null> {
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      if (over() || stdin.destroyed) return null
      if (!stdin.write(chunk)) await room(stdin)
    }
  } catch (error) {
    return over() ? null : (error as Error)
  }
  stdin.end()
  return null
}

/** Resolves when the stream takes more, or never will. */
async function room(stdin: Writable): Promise<void> {
  await new Promise<void>(resolve => {
    const done = (): void => {
      stdin.off('drain', done)
      stdin.off('close', done)
      resolve()
    }
    stdin.on('drain', done)
    stdin.on('close', done)
  })
}
