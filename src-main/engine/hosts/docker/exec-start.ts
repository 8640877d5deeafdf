import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { Demultiplexer } from '../multiplex.ts'
import type { ApiClient } from './api-client.ts'
import { answerTimeout } from './connection-error.ts'
import { containerGone, inspectExec } from './exec-session.ts'

const START_LIMIT_MS = 60_000
/** What the engine reports for a command without a process of its own. */
const NOT_STARTED = new Set([126, 127])

/**
 * Waits until the process of a command exists. The engine answers before it has made the process and
 * reports a failure as the command's own output, so only its state tells the two apart.
 * Rejects with `tool-missing` when the program is not there, `command-failed` for other reasons.
 */
export async function awaitStart(
  api: ApiClient,
  execId: string,
  output: Demultiplexer,
  argv: readonly string[],
  description: string,
): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS
  for (let pause = 2; ; pause = Math.min(pause * 2, 100)) {
    if (output.failure !== null) throw output.failure
    const state = await inspectExec(api, execId)
    if (state === null) throw containerGone(description)
    if (state.started) return
    if (!state.running && state.exitCode !== null) {
      const text = await refusalText(output)
      const wasRefused =
        NOT_STARTED.has(state.exitCode) || /OCI runtime|exec failed|crun|runc/i.test(text)
      if (state.exitCode === 0 || !wasRefused) return
      throw startError(text, argv, description)
    }
    if (Date.now() >= deadline) throw answerTimeout(api.endpoint, START_LIMIT_MS / 1000)
    await sleepUntilData(output, pause)
  }
}

/** What a command that never started left as its output, put back for the reader. */
async function refusalText(output: Demultiplexer): Promise<string> {
  for (let waited = 0; waited < 50 && !output.isFinished; waited++) {
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const chunk = output.read() as Buffer | null
  if (chunk === null) return ''
  output.unshift(chunk)
  return chunk.subarray(0, 4096).toString('utf8').trim()
}

function startError(text: string, argv: readonly string[], description: string): AppError {
  const program = argv[0] ?? ''
  if (
    /not found|no such file|permission denied/i.test(text) &&
    !/chdir|working dir|cwd/i.test(text)
  ) {
    return new AppError('tool-missing', {
      message: `There is no program \`${program}\` in the ${description}.`,
      state: NOTHING_CHANGED,
      hint: 'Use an image that has it, or exclude what needs it from the backup.',
      details: text,
    })
  }
  return new AppError('command-failed', {
    message: `\`${program}\` could not be started in the ${description}.`,
    state: NOTHING_CHANGED,
    hint: 'Look at the details; they are the engine’s own words.',
    details: text,
  })
}

function sleepUntilData(output: Demultiplexer, ms: number): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      output.off('finished', done)
      output.off('close', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    output.once('finished', done)
    output.once('close', done)
  })
}
