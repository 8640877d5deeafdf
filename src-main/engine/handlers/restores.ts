import type { Handlers } from '../../contract/contract.ts'
import type { Host } from '../hosts/host.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { JobDone } from '../jobs/job-manager.ts'
import type { RestoreOutcome } from '../restore/endings.ts'
import { gatherRestoreFacts } from '../restore/gather.ts'
import { makeRestorePlan } from '../restore/restore-plan.ts'
import { runRestore } from '../restore/restorer.ts'
import { backupStack } from '../runs/backup.ts'
import type { Repository } from '../store/repository.ts'
import type { Services } from './services.ts'

type RestoreHandlers = Pick<Handlers, 'restore.plan' | 'restore.start'>

interface Asked {
  readonly repository?: string | undefined
  readonly snapshot: string
  readonly host?: string | undefined
}

/** What a restore works with, found from what a person said. */
interface Found {
  readonly repository: Repository
  /** Full id. */
  readonly snapshot: string
  readonly host: Host
  readonly hostWasNamed: boolean
}

/** Planning restores in place, and carrying them out. */
export function restoreHandlers(services: Services): RestoreHandlers {
  const { deps, jobs, host: openHost, repository: openRepository } = services

  /** The host is the one that the snapshot was taken from, unless another is named. */
  async function find(asked: Asked): Promise<Found> {
    const repository = await openRepository(asked.repository, false)
    const { id } = await repository.resolve(asked.snapshot)
    const manifest = await repository.readManifest(id)
    const host = await openHost(asked.host ?? manifest.host.id)
    return { repository, snapshot: id, host, hostWasNamed: asked.host !== undefined }
  }

  return {
    async 'restore.plan'({ repository, snapshot, host, only }) {
      const found = await find({ repository, snapshot, host })
      const facts = await gatherRestoreFacts({
        ...found,
        deps,
        only: only ?? null,
        signal: new AbortController().signal,
      })
      return makeRestorePlan(facts).plan
    },

    'restore.start': async ({ repository, snapshot, host, only, confirm }) => {
      const found = await find({ repository, snapshot, host })
      const { stack } = await found.repository.readManifest(found.snapshot)
      return jobs.start({
        kind: 'restore',
        host: found.host.summary.id,
        stack: stack.name,
        async work(job) {
          const outcome = await runRestore({
            ...found,
            deps,
            only: only ?? null,
            confirm,
            job,
            takeSafetySnapshot: safetySnapshots(services, found, stack.name, job),
          })
          return doneOf(outcome)
        },
      })
    },
  }
}

/** Keeps what a restore is about to replace, in the same repository. */
export function safetySnapshots(
  { deps }: Services,
  { host, repository }: Pick<Found, 'host' | 'repository'>,
  stack: string,
  job: JobContext,
): (items: readonly string[]) => Promise<string> {
  return async only => {
    const report = await backupStack({ deps, host, stack, repository, job, only, origin: 'safety' })
    return report.snapshot
  }
}

/** A restore's outcome as a job ends with it. */
export function doneOf({ report, error }: RestoreOutcome): JobDone {
  return { result: { kind: 'restore', report }, state: report.outcome, error }
}
