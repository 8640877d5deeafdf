import path from 'node:path'

import type { EventName, Events } from '../../contract/contract.ts'
import { defaultPolicy, type StackPolicy } from '../../contract/model.ts'
import type { Host } from '../hosts/host.ts'
import { openHost } from '../hosts/index.ts'
import { sweepHelpers } from '../hosts/sweep-helpers.ts'
import { type JobManager, jobManager } from '../jobs/job-manager.ts'
import type { EngineDeps } from '../ports.ts'
import { openRepository, type Repository } from '../store/repository.ts'
import { writeRun } from '../store/run-records.ts'

/** What all handlers share: open hosts, the repository, the jobs, the policies. */
export interface Services {
  readonly deps: EngineDeps
  readonly jobs: JobManager
  /** Opens a host once and keeps the connection for later requests. */
  host(id: string): Promise<Host>
  /** The repository at a path, or the default one. */
  repository(folder: string | undefined, create: boolean): Promise<Repository>
  /** Where that repository is or would be, absolute. */
  repositoryPath(folder: string | undefined): Promise<string>
  /** The whole policy of a stack: the default with the user's changes. */
  policy(host: string, stack: string): Promise<StackPolicy>
  close(): Promise<void>
}

/** Makes the services of one engine. */
export function makeServices(
  deps: EngineDeps,
  emit: <N extends EventName>(name: N, payload: Events[N]) => void,
): Services {
  const jobs = jobManager(emit, deps.clock, job => writeRun(deps.paths.state, job))
  const hosts = new Map<string, Promise<Host>>()

  function host(id: string): Promise<Host> {
    const known = hosts.get(id)
    if (known !== undefined) return known
    const opening = openHost(id, {
      env: deps.env,
      homeDirectory: deps.homeDirectory,
      settings: deps.settings,
      stateFolder: deps.paths.state,
      cacheFolder: deps.paths.cache,
    }).then(sweep)
    hosts.set(id, opening)
    // A host that could not be reached is tried anew by the next request.
    opening.catch(() => hosts.delete(id))
    return opening
  }

  /**
   * Helpers of processes that died go as soon as their host is looked at. Most end by themselves; one whose
   * maker died before it held its input would stay for two days. A sweep that fails is tried at the next start.
   */
  async function sweep(opened: Host): Promise<Host> {
    if (opened.kind === 'folder') return opened
    const removed = await sweepHelpers(opened).catch(() => [])
    if (removed.length > 0) {
      deps.logger.info(`Removed ${removed.length} helper containers of runs that died.`)
    }
    return opened
  }

  async function repositoryPath(named: string | undefined): Promise<string> {
    return path.resolve(named ?? (await deps.settings.read()).repository)
  }

  return {
    deps,
    jobs,
    host,
    repositoryPath,
    async repository(named, create) {
      const settings = await deps.settings.read()
      const folder = await repositoryPath(named)
      const known = settings.knownRepositories[folder]
      const repository = await openRepository(folder, {
        create,
        expectedId: known ?? null,
        version: deps.version,
      })
      if (known === undefined) {
        await deps.settings.update(before => ({
          ...before,
          knownRepositories: { ...before.knownRepositories, [folder]: repository.id },
        }))
      }
      return repository
    },
    async policy(hostId, stack) {
      const { policies } = await deps.settings.read()
      return { ...defaultPolicy, ...policies[`${hostId}/${stack}`] }
    },
    async close() {
      for (const job of jobs.list()) {
        if (job.finishedAt === null) jobs.cancel(job.jobId)
      }
      await jobs.idle()
      await Promise.allSettled([...hosts.values()].map(async opening => (await opening).close()))
    },
  }
}
