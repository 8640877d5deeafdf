import type { Client, JobResult } from '../contract/contract.ts'
import { AppError, fromWire } from '../contract/errors.ts'
import type { JobSummary } from '../contract/model.ts'
import type { Engine } from '../engine/engine.ts'
import type { ProgressView } from './output/progress-line.ts'
import { safeText } from './output/safe-text.ts'
import type { Terminal } from './terminal.ts'

type StartJob = (client: Client) => Promise<{ readonly jobId: string }>

/** What a command works with: the engine, started when first needed, and the terminal. */
export interface Session {
  readonly terminal: Terminal
  /** The engine; its first use also repairs what a crashed run has left. */
  client(): Promise<Client>
  /**
   * Starts a job, shows its progress, obeys Ctrl-C, and returns how it ended. Rejects with the job's error
   * when there is no result.
   */
  runJob(start: StartJob, view?: ProgressView): Promise<FinishedJob>
  /** A session of its own whose settings, state and repository all lie below a folder. Close it. */
  inHome(folder: string): Session
  /** Process events, for work that must clean up outside of jobs. */
  readonly signals: Signals
  close(): Promise<void>
}

export interface FinishedJob {
  readonly job: JobSummary
  readonly result: JobResult
}

/** Process events that a session listens to; a test brings its own. */
export interface Signals {
  on(name: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(name: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  /** Ends the process at once. */
  exit(code: number): never
}

/** Starts an engine; `home` is the folder that holds everything of Lifeboat's, when it is not the user's own. */
export type StartEngine = (home: string | null) => Promise<Engine>

/** Opens a session; nothing is started before a command asks for it. */
export function openSession(
  terminal: Terminal,
  startEngine: StartEngine,
  signals: Signals,
  home: string | null = null,
): Session {
  let engine: Promise<Engine> | null = null

  function started(): Promise<Engine> {
    engine ??= startEngine(home).then(async fresh => {
      const report = await fresh.call('repair.run', {})
      for (const { ok, what, detail } of report.actions) {
        const verb = ok ? 'Repaired' : 'Could not repair'
        terminal.warn(`${verb}: ${safeText(what)} — ${safeText(detail)}`)
      }
      return fresh
    })
    return engine
  }

  return {
    terminal,
    signals,
    client: started,
    runJob: async (start, view = terminal.progressView()) =>
      followJob({ client: await started(), start, view, terminal, signals }),
    inHome: folder => openSession(terminal, startEngine, signals, folder),
    async close() {
      await (await engine?.catch(() => null))?.close()
    },
  }
}

async function followJob(given: {
  readonly client: Client
  readonly start: StartJob
  readonly view: ProgressView
  readonly terminal: Terminal
  readonly signals: Signals
}): Promise<FinishedJob> {
  const { client, start, view, terminal, signals } = given
  let jobId: string | null = null
  let interrupts = 0
  let safety = 'Nothing was changed so far.'

  function onInterrupt(): void {
    interrupts += 1
    view.end()
    if (interrupts > 1) {
      terminal.warn(
        `Left at once. ${safeText(safety)} The next start of lifeboat puts the rest right.`,
      )
      signals.exit(130)
    }
    terminal.warn(
      'Stopping: what was stopped is started again, and what is half made is removed.\n' +
        'Ctrl-C once more leaves at once; the next start of lifeboat would then clean up.',
    )
    cancel()
  }
  function cancel(): void {
    // A job that ended meanwhile cannot be cancelled any more, and need not be.
    if (jobId !== null) client.call('job.cancel', { jobId }).catch(() => undefined)
  }

  signals.on('SIGINT', onInterrupt)
  signals.on('SIGTERM', onInterrupt)
  const stops: (() => void)[] = []
  try {
    const finished = new Promise<{ job: JobSummary; result: JobResult | null }>(resolve => {
      stops.push(
        client.on('job.finished', payload => {
          if (payload.job.jobId === jobId) resolve(payload)
        }),
        client.on('job.progress', progress => {
          if (progress.jobId !== jobId) return
          safety = progress.safety
          view.progress(progress)
          if (terminal.options.jsonStream) terminal.jsonLine({ type: 'progress', ...progress })
        }),
        client.on('job.event', event => {
          if (event.jobId !== jobId) return
          view.event(event)
          if (terminal.options.jsonStream) terminal.jsonLine({ type: 'event', ...event })
        }),
      )
    })
    jobId = (await start(client)).jobId
    if (interrupts > 0) cancel()
    const { job, result } = await finished
    if (result === null) throw endOf(job)
    return { job, result }
  } finally {
    view.end()
    for (const stop of stops) stop()
    signals.off('SIGINT', onInterrupt)
    signals.off('SIGTERM', onInterrupt)
  }
}

function endOf(job: JobSummary): AppError {
  const error = errorOf(job)
  return (
    error ??
    new AppError('internal-error', {
      message: 'The job ended without a result.',
      state: 'Snapshots that were complete before are untouched.',
      hint: 'Run the command again with --debug and report what it prints.',
    })
  )
}

/** The error that a job ended with, if any; a job can have both a result and an error. */
export function errorOf(job: JobSummary): AppError | null {
  return job.error === null ? null : fromWire(job.error as Parameters<typeof fromWire>[0])
}
