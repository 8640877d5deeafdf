import type { Handlers } from '../../contract/contract.ts'
import type { SnapshotSummary } from '../../contract/model.ts'
import { extractFiles } from '../store/extract.ts'
import { listFiles } from '../store/files.ts'
import type { ListedSnapshot } from '../store/listing.ts'
import type { Services } from './services.ts'
import { snapshotDetail } from './snapshot-detail.ts'

type SnapshotHandlers = Pick<
  Handlers,
  'snapshot.list' | 'snapshot.show' | 'snapshot.files' | 'snapshot.extract' | 'snapshot.pin'
>

/** Without the folder, which is a matter of this computer alone. */
function summaryOf(listed: ListedSnapshot): SnapshotSummary {
  return Object.fromEntries(
    Object.entries(listed).filter(([name]) => name !== 'folder'),
  ) as unknown as SnapshotSummary
}

/** Listing, looking into and taking files out of snapshots. */
export function snapshotHandlers(services: Services): SnapshotHandlers {
  const { jobs, repository: openRepository } = services
  return {
    async 'snapshot.list'({ repository: folder, host, stack }) {
      const repository = await openRepository(folder, false)
      const snapshots = await repository.list()
      return snapshots
        .filter(each => host === undefined || each.host === host)
        .filter(each => stack === undefined || each.stack === stack)
        .map(summaryOf)
    },

    async 'snapshot.show'({ repository: folder, snapshot }) {
      const repository = await openRepository(folder, false)
      const listed = await repository.resolve(snapshot)
      return snapshotDetail(listed, await repository.readManifest(listed.id))
    },

    async 'snapshot.files'({
      repository: folder,
      snapshot,
      item,
      folder: inside,
      search,
      offset,
      limit,
    }) {
      const repository = await openRepository(folder, false)
      const { id } = await repository.resolve(snapshot)
      return listFiles(repository.folderOf(id), await repository.readManifest(id), item, {
        ...(inside === undefined ? {} : { folder: inside }),
        ...(search === undefined ? {} : { search }),
        ...(offset === undefined ? {} : { offset }),
        ...(limit === undefined ? {} : { limit }),
      })
    },

    async 'snapshot.extract'({ repository: folder, snapshot, item, paths, to }) {
      const repository = await openRepository(folder, false)
      const { id, host, stack } = await repository.resolve(snapshot)
      const manifest = await repository.readManifest(id)
      return jobs.start({
        kind: 'extract',
        host,
        stack,
        async work(job) {
          const lock = await repository.lock(id, 'read', `extract from ${id}`)
          try {
            job.phase(
              'restore',
              `Reading ${item}`,
              item,
              'Stopping now leaves nothing behind: files appear only after their hashes were compared.',
            )
            const result = await extractFiles({
              folder: repository.folderOf(id),
              manifest,
              item,
              paths: paths.length === 0 ? [''] : paths,
              to,
              signal: AbortSignal.any([job.signal, lock.lost]),
              onBytes: bytes => {
                job.advance(bytes)
              },
            })
            for (const { path, reason } of result.skipped) {
              job.note('warning', `${path} was left out: ${reason}`)
            }
            const { files, bytes } = result
            return {
              result: { kind: 'extract', files, bytes, to: result.to },
              state: result.skipped.length === 0 ? 'complete' : 'partial',
            }
          } finally {
            await lock.release()
          }
        },
      })
    },

    async 'snapshot.pin'({ repository: folder, snapshot, pinned }) {
      const repository = await openRepository(folder, false)
      const { id } = await repository.resolve(snapshot)
      return summaryOf(await repository.pin(id, pinned))
    },
  }
}
