import type { BackupPlan, StackPolicy } from '../../contract/model.ts'
import type { Inventory } from '../detect/inventory.ts'
import type { Helper } from '../hosts/helper.ts'
import type { Host } from '../hosts/host.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { ItemRuns } from './item-runs.ts'
import type { ArtifactSink, StoredArtifact } from './sink.ts'
import type { Compression } from './volume-archive.ts'

/** What all parts of a capture share. */
export interface CaptureContext<R extends StoredArtifact> {
  readonly plan: BackupPlan
  readonly inventory: Inventory
  readonly policy: StackPolicy
  readonly host: Host
  /** The helper that detection has opened; null on a folder host, or where there is no image for one. */
  readonly helper: Helper | null
  readonly sink: ArtifactSink<R>
  readonly job: JobContext
  readonly items: ItemRuns<R>
  /** The job's signal and our own: everything ends when it is aborted. */
  readonly signal: AbortSignal
  readonly compression: Compression
  /** Folder of this computer for what must be settled before it can be stored; private, removed by the caller. */
  readonly workFolder: string
}

/** Passes on how far a stream has come, as differences. */
export function differences(advance: (bytes: number) => void): (plainBytes: number) => void {
  let seen = 0
  return plainBytes => {
    if (plainBytes <= seen) return
    advance(plainBytes - seen)
    seen = plainBytes
  }
}

/** Does the work for each of the inputs, at most so many at once. The first failure stops what has not begun. */
export async function inParallel<T>(
  inputs: readonly T[],
  limit: number,
  work: (input: T) => Promise<void>,
): Promise<void> {
  const queue = [...inputs]
  let failed = false
  const workers = Array.from({ length: Math.min(limit, queue.length) }, async () => {
    for (let next = queue.shift(); next !== undefined && !failed; next = queue.shift()) {
      try {
        await work(next)
      } catch (error) {
        failed = true
        throw error
      }
    }
  })
  const results = await Promise.allSettled(workers)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
