import { SvelteMap } from 'svelte/reactivity'

import type { Client, JobResult } from '../../../src-main/contract/contract.ts'
import type { JobEvent, JobProgress, JobSummary } from '../../../src-main/contract/model.ts'

/** A job as far as this window knows it. */
export interface KnownJob {
  readonly summary: JobSummary | null
  readonly progress: JobProgress | null
  readonly events: readonly JobEvent[]
  /** Known only to a window that was open when the job ended. */
  readonly result: JobResult | null
}

const unknown: KnownJob = { summary: null, progress: null, events: [], result: null }

/** A log longer than this is cut at its old end. */
const LONGEST_LOG = 500

/** The jobs of the engine, followed by its events from the moment the window opens. */
export class Jobs {
  readonly #client: Client
  readonly #jobs = new SvelteMap<string, KnownJob>()

  constructor(client: Client) {
    this.#client = client
    client.on('job.progress', progress => this.#change(progress.jobId, { progress }))
    client.on('job.event', event => {
      const events = [...this.get(event.jobId).events, event].slice(-LONGEST_LOG)
      this.#change(event.jobId, { events })
    })
    client.on('job.finished', ({ job, result }) =>
      this.#change(job.jobId, { summary: job, result }),
    )
  }

  get(jobId: string): KnownJob {
    return this.#jobs.get(jobId) ?? unknown
  }

  /** What the engine knows of a job: for a page that was opened or loaded while it ran. */
  async refresh(jobId: string): Promise<void> {
    const summary = await this.#client.call('job.get', { jobId })
    const { progress } = this.get(jobId)
    this.#change(jobId, { summary, progress: progress ?? summary.progress })
  }

  /** Jobs that run now. */
  get running(): readonly JobSummary[] {
    return [...this.#jobs.values()]
      .map(({ summary }) => summary)
      .filter(summary => summary !== null)
      .filter(({ state }) => state === 'running')
  }

  /** Learns of all jobs that the engine runs. */
  async refreshAll(): Promise<void> {
    for (const summary of await this.#client.call('job.list', {})) {
      this.#change(summary.jobId, { summary, progress: summary.progress })
    }
  }

  #change(jobId: string, change: Partial<KnownJob>): void {
    this.#jobs.set(jobId, { ...this.get(jobId), ...change })
  }
}
