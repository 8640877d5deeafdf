import type { Client, JobResult } from '../contract/contract.ts'
import { AppError, fromWire } from '../contract/errors.ts'
import type { JobSummary } from '../contract/model.ts'
import type { Engine } from '../engine/engine.ts'
import type { Terminal } from './terminal.ts'

/** What a command works with: the engine, started when first needed, and the terminal. */
export interface Session {
  readonly terminal: Terminal
  /** The engine; its first use also repairs what a crashed run has left. */
  client(): Promise<Client>
  /** Starts a job, shows its progress, obeys Ctrl-C, and returns how it ended. Rejects with the job's error. */
  runJob(start: (client: Client) => Promise<{ readonly jobId: string }>): Promise<FinishedJob>
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

/** Opens a session; nothing is started before a command asks for it. */
export function openSession(
  terminal: Terminal,
  startEngine: () => Promise<Engine>,
  signals: Signals,
): Session {
  let engine: Promise<Engine> | null = null

  function started(): Promise<Engine> {
    engine ??= startEngine().then(async fresh => {
      const report = await fresh.call('repair.run', {})
      for (const action of report.actions) {
        terminal.warn(`${action.ok ? 'Repaired' : 'Could not repair'}: ${action.what} — ${action.detail}`)
      }
      return fresh
    })
    return engine
  }

  async function runJob(
    start: (client: Client) => Promise<{ readonly jobId: string }>,
  ): Promise<FinishedJob> {
    const client = await started()
    const view = terminal.progressView()
    let jobId: string | null = null
    let interrupts = 0
    let safety = 'Nothing was changed so far.'

    function onInterrupt(): void {
      interrupts += 1
      view.end()
      if (interrupts > 1) {
        terminal.warn(`Stopped at once. ${safety} The next start of lifeboat puts the rest right.`)
        signals.exit(130)
      }
      terminal.warn(
        'Stopping: services that were stopped are started again, and what is half made is removed. Press Ctrl-C once more to leave at once; the next start would then clean up.',
      )
      if (jobId !== null) void client.call('job.cancel', { jobId })
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
      if (interrupts > 0) void client.call('job.cancel', { jobId })
      const { job, result } = await finished
      view.end()
      if (result === null) throw endOf(job)
      return { job, result }
    } finally {
      for (const stop of stops) stop()
      signals.off('SIGINT', onInterrupt)
      signals.off('SIGTERM', onInterrupt)
    }
  }

  return {
    terminal,
    client: started,
    runJob,
    async close() {
      if (engine !== null) await (await engine).close()
    },
  }
}

function endOf(job: JobSummary): AppError {
  if (job.error !== null) return fromWire(job.error as Parameters<typeof fromWire>[0])
  return new AppError('internal-error', {
    message: 'The job ended without a result.',
    state: 'Snapshots that were complete before are untouched.',
    hint: 'Run the command again with --debug and report what it prints.',
  })
}
