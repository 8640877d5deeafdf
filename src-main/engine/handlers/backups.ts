import type { Handlers } from '../../contract/contract.ts'
import { detectStack } from '../detect/detect.ts'
import { makeBackupPlan } from '../plan/backup-plan.ts'
import { backupStack } from '../runs/backup.ts'
import type { Services } from './services.ts'

/** Planning and making backups. */
export function backupHandlers(services: Services): Pick<Handlers, 'backup.plan' | 'backup.start'> {
  const { deps, jobs, host: openHost, policy, repository: openRepository } = services
  return {
    async 'backup.plan'({ host: hostId, stack, only, repository }) {
      const host = await openHost(hostId)
      const { inventory, helper } = await detectStack(
        host,
        stack,
        deps,
        new AbortController().signal,
      )
      await helper?.close()
      return makeBackupPlan(inventory, await policy(host.summary.id, stack), {
        repository: await services.repositoryPath(repository),
        only,
        lifeboatVersion: deps.version,
      })
    },

    'backup.start': ({ host, stack, only, repository }) =>
      Promise.resolve(
        jobs.start({
          kind: 'backup',
          host,
          stack,
          async work(job) {
            job.phase('detect', `Reaching ${host}`)
            const report = await backupStack({
              deps,
              host: await openHost(host),
              stack,
              repository: await openRepository(repository, true),
              job,
              only,
            })
            return { result: { kind: 'backup', report }, state: report.outcome }
          },
        }),
      ),
  }
}
