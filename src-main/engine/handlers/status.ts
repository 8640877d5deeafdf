import type { Handlers } from '../../contract/contract.ts'
import { AppError, toWire } from '../../contract/errors.ts'
import type { JobSummary, SnapshotSummary, Stack } from '../../contract/model.ts'
import { detectStacks } from '../detect/detect.ts'
import { listRuns } from '../store/run-records.ts'
import { judge } from '../watch/judge.ts'
import type { Services } from './services.ts'

/** Attempts that are looked at; older ones do not change what is true now. */
const NEWEST_RUNS = 1000

/** What is there, what is stored and what was tried, compared with what was promised. */
export function statusHandlers(services: Services): Pick<Handlers, 'status.get'> {
  return {
    async 'status.get'({ repository, host, offline }) {
      const { deps } = services
      const [snapshots, runs, { policies }] = await Promise.all([
        listSnapshots(services, repository),
        listRuns(deps.paths.state, NEWEST_RUNS),
        deps.settings.read(),
      ])
      const hosts = host === undefined ? hostsOf(snapshots, runs) : [host]
      const found = offline === true ? new Map<string, string>() : await lookAt(services, hosts)
      return judge({ snapshots, runs, policies, found, now: new Date() })
    },
  }
}

/** Before the first backup there is no repository, and so no snapshot; one that was named must be there. */
async function listSnapshots(
  services: Services,
  folder: string | undefined,
): Promise<readonly SnapshotSummary[]> {
  try {
    return await (await services.repository(folder, false)).list()
  } catch (error) {
    const isMissing = error instanceof AppError && error.code === 'repository-missing'
    if (isMissing && folder === undefined) return []
    throw error
  }
}

function hostsOf(
  snapshots: readonly SnapshotSummary[],
  runs: readonly JobSummary[],
): readonly string[] {
  const named = [...snapshots, ...runs.filter(run => run.kind === 'backup')].map(each => each.host)
  return [...new Set(['local', ...named])].filter(each => each !== null)
}

/** What is on each host now; a host that does not answer gives its error. */
async function lookAt(
  { deps, host: openHost }: Services,
  hosts: readonly string[],
): Promise<ReadonlyMap<string, readonly Stack[] | string>> {
  const found = new Map<string, readonly Stack[] | string>()
  const { signal } = new AbortController()
  const looks = hosts.map(async id => {
    try {
      const inventories = await detectStacks(await openHost(id), deps, signal, { deep: true })
      found.set(
        id,
        inventories.map(each => each.stack),
      )
    } catch (error) {
      found.set(id, toWire(error).message)
    }
  })
  await Promise.all(looks)
  return found
}
