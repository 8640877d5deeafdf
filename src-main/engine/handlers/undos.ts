import type { Handlers } from '../../contract/contract.ts'
import type { Host } from '../hosts/host.ts'
import { findUndo, listUndos, planUndo, runUndo } from '../restore/undo.ts'
import type { UndoRecord } from '../restore/undo-record.ts'
import { repairRuns } from '../runs/repair.ts'
import type { Repository } from '../store/repository.ts'
import { doneOf, safetySnapshots } from './restores.ts'
import type { Services } from './services.ts'

type UndoHandlers = Pick<Handlers, 'undo.list' | 'undo.plan' | 'undo.start' | 'repair.run'>

/** Taking a restore back, and putting right what a run left that died. */
export function undoHandlers(services: Services): UndoHandlers {
  const { deps, jobs, host: openHost, repository: openRepository } = services

  async function find(restore: string | undefined): Promise<{
    readonly undo: UndoRecord
    readonly host: Host
    readonly repository: Repository
  }> {
    const here = await services.repositoryPath(undefined)
    const undo = await findUndo(deps, here, restore ?? null)
    const repository = await openRepository(undo.repository, false)
    return { undo, repository, host: await openHost(undo.host) }
  }

  return {
    'undo.list': () => listUndos(deps),

    'undo.plan': async ({ restore }) =>
      planUndo({ ...(await find(restore)), deps, signal: new AbortController().signal }),

    'undo.start': async ({ restore, confirm }) => {
      const found = await find(restore)
      return jobs.start({
        kind: 'undo',
        host: found.undo.host,
        stack: found.undo.stack,
        async work(job) {
          const takeSafetySnapshot = safetySnapshots(services, found, found.undo.stack, job)
          return doneOf(await runUndo({ ...found, deps, confirm, job, takeSafetySnapshot }))
        },
      })
    },

    'repair.run': async () => ({ actions: await repairRuns(deps, openHost) }),
  }
}
