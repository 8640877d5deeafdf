import type { Handlers } from '../../contract/contract.ts'
import { listRuns } from '../store/run-records.ts'
import type { Services } from './services.ts'

type JobHandlers = Pick<Handlers, 'job.list' | 'job.get' | 'job.cancel' | 'run.list'>

/** Running jobs of this process, and the records of all attempts. */
export function jobHandlers({ deps, jobs }: Services): JobHandlers {
  return {
    'job.list': () => Promise.resolve(jobs.list()),
    'job.get': ({ jobId }) => Promise.resolve(jobs.get(jobId)),
    'job.cancel'({ jobId }) {
      jobs.cancel(jobId)
      return Promise.resolve(null)
    },
    'run.list': ({ limit }) => listRuns(deps.paths.state, limit ?? 100),
  }
}
