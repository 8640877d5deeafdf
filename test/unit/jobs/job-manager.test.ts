import { describe, expect, it, vi } from 'vitest'

import type { EventName } from '../../../src-main/contract/contract.ts'
import { AppError } from '../../../src-main/contract/errors.ts'
import type { JobSummary } from '../../../src-main/contract/model.ts'
import { jobManager, type JobRequest } from '../../../src-main/engine/jobs/job-manager.ts'

function harness(): {
  readonly jobs: ReturnType<typeof jobManager>
  readonly records: JobSummary[]
  readonly events: { readonly name: EventName; readonly payload: unknown }[]
} {
  const records: JobSummary[] = []
  const events: { name: EventName; payload: unknown }[] = []
  const jobs = jobManager(
    (name, payload) => events.push({ name, payload }),
    { now: () => new Date() },
    job => {
      records.push(job)
      return Promise.resolve()
    },
  )
  return { jobs, records, events }
}

const request = (work: JobRequest['work']): JobRequest => ({
  kind: 'backup',
  host: 'local',
  stack: 'chatalot',
  work,
})

describe('jobs/job-manager', () => {
  it('gives the id before the first event, and ends with finished', async () => {
    const { jobs, events } = harness()
    const { jobId } = jobs.start(
      request(job => {
        job.phase('capture', 'Copying')
        return Promise.resolve({
          result: { kind: 'extract', files: 1, bytes: 1, to: '/x' },
          state: 'complete',
        })
      }),
    )
    expect(events).toHaveLength(0)
    await jobs.idle()
    expect(events.at(-1)?.name).toBe('job.finished')
    expect(jobs.get(jobId)).toMatchObject({ state: 'complete', error: null })
  })

  it('records an attempt that failed before its first step', async () => {
    const { jobs, records } = harness()
    jobs.start(request(() => Promise.reject(new Error('boom'))))
    await jobs.idle()
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({ state: 'failed', error: { code: 'internal-error' } })
  })

  it('cancels through the signal, and the record says cancelled', async () => {
    const { jobs, records } = harness()
    const { jobId } = jobs.start(
      request(
        job =>
          new Promise((_resolve, reject) => {
            job.signal.addEventListener('abort', () => {
              reject(job.signal.reason as AppError)
            })
          }),
      ),
    )
    await vi.waitFor(() => {
      expect(jobs.get(jobId).state).toBe('running')
    })
    jobs.cancel(jobId)
    await jobs.idle()
    expect(records[0]).toMatchObject({ state: 'cancelled', error: { code: 'interrupted' } })
  })

  it('answers an unknown job with an error that a person can read', () => {
    const { jobs } = harness()
    expect(() => jobs.get('nope')).toThrow(AppError)
  })
})
