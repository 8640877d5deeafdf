import { randomUUID } from 'node:crypto'

import type { EventName, Events, JobResult } from '../../contract/contract.ts'
import { AppError, NOTHING_CHANGED, toWire, type WireError } from '../../contract/errors.ts'
import type { JobKind, JobSummary } from '../../contract/model.ts'
import type { Clock } from '../ports.ts'
import type { JobContext } from './job-context.ts'
import { progressMeter } from './progress-meter.ts'

type Emit = <N extends EventName>(name: N, payload: Events[N]) => void

/** What a job's work hands back: its result, and how well it went. */
export interface JobDone {
  readonly result: JobResult
  readonly state: 'complete' | 'partial' | 'failed'
  /** Set when the work has a result to show although it failed, for instance a restore that was rolled back. */
  readonly error?: WireError | null
}

export interface JobRequest {
  readonly kind: JobKind
  readonly host: string | null
  readonly stack: string | null
  work(job: JobContext): Promise<JobDone>
}

export interface JobManager {
  /** Starts the work and returns at once. Events follow. */
  start(request: JobRequest): { readonly jobId: string }
  list(): readonly JobSummary[]
  get(jobId: string): JobSummary
  /** Asks a job to stop; it ends when everything is put right. */
  cancel(jobId: string): void
  /** Settles when no job runs any more. */
  idle(): Promise<void>
}

interface Entry {
  summary: JobSummary
  readonly abort: AbortController
  done: Promise<void>
}

/** How many finished jobs a process remembers; the records on disk keep all. */
const REMEMBERED = 200

/**
 * Runs jobs: gives each an id, a way to be cancelled, and true progress, and leaves a record of every
 * attempt, also of one that failed before its first step (requirement U7).
 */
export function jobManager(
  emit: Emit,
  clock: Clock,
  record: (job: JobSummary) => Promise<void>,
): JobManager {
  const jobs = new Map<string, Entry>()

  function entryOf(jobId: string): Entry {
    const entry = jobs.get(jobId)
    if (entry === undefined) {
      throw new AppError('usage', {
        message: `There is no job ${jobId}.`,
        state: NOTHING_CHANGED,
        hint: 'Jobs of earlier runs are in the activity list.',
      })
    }
    return entry
  }

  async function run(entry: Entry, request: JobRequest): Promise<void> {
    const { jobId } = entry.summary
    const meter = progressMeter(jobId, request.kind, clock, progress => {
      entry.summary = { ...entry.summary, progress }
      emit('job.progress', progress)
    })
    const context: JobContext = {
      jobId,
      kind: request.kind,
      signal: entry.abort.signal,
      phase: meter.phase,
      expect: meter.expect,
      advance: meter.advance,
      itemDone: meter.itemDone,
      note(level, message) {
        emit('job.event', { jobId, time: clock.now().toISOString(), level, message })
      },
    }
    let result: JobResult | null = null
    try {
      // One turn of the loop, so that the caller has the id before the first event.
      await new Promise(resolve => setImmediate(resolve))
      entry.abort.signal.throwIfAborted()
      const done = await request.work(context)
      result = done.result
      finish(entry, { state: done.state, error: done.error ?? null })
    } catch (error) {
      const wire = toWire(error)
      const cancelled = wire.code === 'interrupted'
      finish(entry, { state: cancelled ? 'cancelled' : 'failed', error: wire })
    } finally {
      meter.stop()
    }
    await record(entry.summary).catch(() => {
      context.note('warning', 'The record of this run could not be written to disk.')
    })
    emit('job.finished', { job: entry.summary, result })
    forgetOld()
  }

  function finish(entry: Entry, end: Pick<JobSummary, 'state' | 'error'>): void {
    entry.summary = { ...entry.summary, ...end, finishedAt: clock.now().toISOString() }
  }

  function forgetOld(): void {
    const finished = [...jobs.values()].filter(each => each.summary.finishedAt !== null)
    for (const old of finished.slice(0, -REMEMBERED)) jobs.delete(old.summary.jobId)
  }

  return {
    start(request) {
      const jobId = randomUUID()
      const entry: Entry = {
        summary: {
          jobId,
          kind: request.kind,
          host: request.host,
          stack: request.stack,
          startedAt: clock.now().toISOString(),
          finishedAt: null,
          state: 'running',
          progress: null,
          error: null,
        },
        abort: new AbortController(),
        done: Promise.resolve(),
      }
      jobs.set(jobId, entry)
      entry.done = run(entry, request)
      return { jobId }
    },
    list: () => [...jobs.values()].map(each => each.summary),
    get: jobId => entryOf(jobId).summary,
    cancel(jobId) {
      entryOf(jobId).abort.abort(
        new AppError('interrupted', {
          message: 'The job was cancelled.',
          state: 'What it had stopped was started again; nothing half-made is listed.',
          hint: 'Start it again when it suits you.',
        }),
      )
    },
    async idle() {
      await Promise.all([...jobs.values()].map(each => each.done))
    },
  }
}
