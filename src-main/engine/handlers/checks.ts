import type { Handlers } from '../../contract/contract.ts'
import type { CheckReport } from '../../contract/model.ts'
import { checkSnapshot } from '../verify/check.ts'
import type { Services } from './services.ts'

/** Verifying snapshots without restoring them. */
export function checkHandlers(services: Services): Pick<Handlers, 'check.start'> {
  return {
    'check.start': ({ repository: folder, snapshots, readData }) =>
      Promise.resolve(
        services.jobs.start({
          kind: 'check',
          host: null,
          stack: null,
          async work(job) {
            const repository = await services.repository(folder, false)
            const wanted =
              snapshots === undefined
                ? await repository.list()
                : await Promise.all(snapshots.map(each => repository.resolve(each)))
            job.expect({
              bytes: readData ? wanted.reduce((sum, each) => sum + each.sizeBytes, 0) : null,
              items: wanted.length,
            })
            const reports: CheckReport[] = []
            for (const snapshot of wanted) {
              job.signal.throwIfAborted()
              job.phase('verify', `Checking ${snapshot.id}`, null, 'A check changes nothing.')
              reports.push(
                await checkSnapshot(repository, snapshot.id, {
                  readData,
                  signal: job.signal,
                  onBytes: bytes => {
                    job.advance(bytes)
                  },
                }),
              )
              job.itemDone()
            }
            const good = reports.every(report => report.outcome === 'ok')
            return { result: { kind: 'check', reports }, state: good ? 'complete' : 'failed' }
          },
        }),
      ),
  }
}
