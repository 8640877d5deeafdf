import type { SnapshotDetail } from '../../contract/reports.ts'
import type { ListedSnapshot } from '../store/listing.ts'
import type { Manifest } from '../store/manifest.ts'

/** A snapshot with all that its manifest says, as people and scripts see it. */
export function snapshotDetail(listed: ListedSnapshot, manifest: Manifest): SnapshotDetail {
  return {
    ...listed,
    items: manifest.items.map(item => ({
      id: item.id,
      kind: item.kind,
      engine: item.engine,
      service: item.service,
      method: item.method as SnapshotDetail['items'][number]['method'],
      consistency: item.consistency,
      criticality: item.criticality,
      outcome: item.outcome,
      reason: item.error,
      counts: item.counts,
      countsExact: item.countsExact,
      warnings: item.warnings,
    })),
    artifacts: manifest.artifacts.map(artifact => ({
      path: artifact.path,
      item: artifact.item,
      codec: artifact.codec,
      encryption: artifact.encryption,
      plainBytes: artifact.plain.bytes,
      storedBytes: artifact.stored.bytes,
      sha256: artifact.plain.sha256,
      entries: artifact.entries,
    })),
    excluded: manifest.excluded,
    warnings: manifest.warnings,
    downtimeMs: manifest.quiesce.downtimeMs,
    durationMs: new Date(manifest.finishedAt).getTime() - new Date(manifest.startedAt).getTime(),
    lifeboatVersion: manifest.lifeboat.version,
  }
}
