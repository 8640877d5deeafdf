import type { BackupItemResult, BackupPlan, BackupReport, Item } from '../../contract/model.ts'
import type { CaptureResult } from '../capture/capture.ts'
import type { CapturedItem } from '../capture/item-runs.ts'
import type { Inventory } from '../detect/inventory.ts'
import { hotWarning } from '../plan/warnings.ts'
import type { ArtifactRecord, Manifest, ManifestItem } from '../store/manifest.ts'
import { MANIFEST_SCHEMA, MANIFEST_VERSION } from '../store/manifest.ts'

type Result = CaptureResult<ArtifactRecord>
type Captured = CapturedItem<ArtifactRecord>

/** Clocks that differ by more than this are worth a warning. */
const SKEW_MS = 2 * 60 * 1000

export interface ManifestInput {
  readonly id: string
  readonly repositoryId: string
  readonly origin: 'backup' | 'safety'
  readonly inventory: Inventory
  readonly plan: BackupPlan
  readonly result: Result
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly version: string
}

/** The manifest of a finished capture. Pure. */
export function makeManifest(input: ManifestInput): Manifest {
  const { inventory, plan, result } = input
  const { host, daemon, stack } = inventory
  const failed = result.items.some(each => each.outcome === 'failed')
  return {
    $schema: MANIFEST_SCHEMA,
    schemaVersion: MANIFEST_VERSION,
    id: input.id,
    repositoryId: input.repositoryId,
    origin: input.origin,
    outcome: failed ? 'partial' : 'complete',
    time: result.time.toISOString(),
    startedAt: input.startedAt.toISOString(),
    finishedAt: input.finishedAt.toISOString(),
    lifeboat: { version: input.version, node: process.version },
    host: {
      id: host.id,
      label: host.label,
      kind: host.kind,
      daemonId: daemon?.id ?? null,
      daemonVersion: daemon?.version ?? null,
      operatingSystem: daemon?.operatingSystem ?? null,
      architecture: daemon?.architecture ?? null,
    },
    clocks: { local: inventory.takenAt, host: utc(daemon?.time) },
    stack: {
      name: stack.name,
      kind: stack.kind,
      workingDirectory: inventory.workingDirectory,
      configFiles: [...inventory.configFiles],
      environmentFiles: [...inventory.environmentFiles],
      services: stack.services.map(service => serviceOf(inventory, service)),
    },
    quiesce: {
      downtimeMs: result.quiesce.downtimeMs,
      services: result.quiesce.services.map(each => ({ ...each })),
    },
    items: [...result.items.map(itemOf), ...followers(inventory.stack.items, result.items)],
    artifacts: artifactsOf(result),
    excluded: plan.excluded.map(each => ({ ...each })),
    warnings: [
      ...new Set([
        ...plan.warnings.filter(each => !disproved(result).has(each)),
        ...clockWarning(inventory),
        ...result.warnings,
      ]),
    ],
  }
}

/** Warnings of the plan that did not come true: what was to be copied hot, and was still. */
function disproved({ items }: CaptureResult<ArtifactRecord>): ReadonlySet<string> {
  const still = items.filter(each => each.consistency !== 'hot' && each.item.consistency === 'hot')
  return new Set(still.map(each => hotWarning(each.item)))
}

function serviceOf(
  { containers, images }: Inventory,
  service: Inventory['stack']['services'][number],
): Manifest['stack']['services'][number] {
  const container = containers.find(each => each.id === service.containerId)
  const image = images.find(each => each.id === container?.imageId)
  return {
    name: service.name,
    containerName: container?.name ?? '',
    image: service.image,
    imageId: container?.imageId ?? '',
    imageDigests: [...(image?.digests ?? [])],
    state: service.state,
    engine: service.engine,
    version: service.version,
    dependsOn: [...service.dependsOn],
  }
}

function itemOf(captured: Captured): ManifestItem {
  return {
    ...ledgerPart(captured.item),
    consistency: captured.outcome === 'complete' ? captured.consistency : 'none',
    outcome: captured.outcome,
    error: captured.error?.message ?? null,
    artifacts: captured.artifacts.map(each => each.record.path),
    counts: { ...captured.counts },
    countsExact: captured.countsExact,
    facts: { ...captured.facts },
    warnings: [...captured.warnings],
    durationMs: captured.durationMs,
  }
}

/** Rows without artifacts of their own: they are as good as what they were taken with. */
function followers(rows: readonly Item[], captured: readonly Captured[]): readonly ManifestItem[] {
  return rows.flatMap(row => {
    const holder = captured.find(each => each.item.id === row.takenWith)
    if (holder === undefined || row.decision !== 'include') return []
    return {
      ...ledgerPart(row),
      consistency: holder.outcome === 'complete' ? holder.consistency : 'none',
      outcome: holder.outcome,
      error: holder.error?.message ?? null,
      artifacts: [],
      counts: {},
      countsExact: true,
      facts: { takenWith: holder.item.id },
      warnings: [],
      durationMs: 0,
    }
  })
}

function ledgerPart(
  item: Item,
): Pick<
  ManifestItem,
  'id' | 'kind' | 'engine' | 'service' | 'writers' | 'source' | 'target' | 'method' | 'criticality'
> {
  const { id, kind, engine, service, writers, source, target, method, criticality } = item
  return { id, kind, engine, service, writers: [...writers], source, target, method, criticality }
}

/** Every stored file, in the order of their paths, with how it was on the host where that is known. */
function artifactsOf({ items, artifacts }: Result): Manifest['artifacts'] {
  const files = new Map(
    items.flatMap(each => each.artifacts).map(({ record, file }) => [record.path, file]),
  )
  return artifacts
    .map(record => {
      const file = files.get(record.path) ?? null
      return file === null ? record : { ...record, file: { ...file } }
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function utc(time: string | undefined): string | null {
  const parsed = time === undefined ? Number.NaN : Date.parse(time)
  return Number.isNaN(parsed) ? null : new Date(parsed).toISOString()
}

function clockWarning({ daemon, takenAt }: Inventory): readonly string[] {
  const difference = Date.parse(daemon?.time ?? '') - Date.parse(takenAt)
  if (Number.isNaN(difference) || Math.abs(difference) < SKEW_MS) return []
  const minutes = Math.round(Math.abs(difference) / 60_000)
  return [
    `The clock of the host is ${minutes} minutes ${difference > 0 ? 'ahead of' : 'behind'} this computer’s; snapshots are named by this computer’s clock.`,
  ]
}

/** What the run's report says of a snapshot that was committed. */
export function reportOf(manifest: Manifest, result: Result): BackupReport {
  const cameBack = result.quiesce.problems.length === 0
  return {
    snapshot: manifest.id,
    stack: manifest.stack.name,
    outcome: manifest.outcome === 'complete' && cameBack ? 'complete' : 'partial',
    items: result.items.map(itemResult),
    durationMs: Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt),
    downtimeMs: manifest.quiesce.downtimeMs,
    warnings: manifest.warnings,
  }
}

function itemResult(captured: Captured): BackupItemResult {
  const own = captured.artifacts
    .map(each => each.record)
    .filter(each => each.item === captured.item.id)
  const sum = (sizeOf: (record: ArtifactRecord) => number): number =>
    own.reduce((total, each) => total + sizeOf(each), 0)
  return {
    id: captured.item.id,
    outcome: captured.outcome,
    bytesIn: sum(each => each.plain.bytes),
    bytesStored: sum(each => each.stored.bytes),
    durationMs: captured.durationMs,
    sha256: own[0]?.plain.sha256 ?? null,
    consistency: captured.outcome === 'complete' ? captured.consistency : 'none',
    warnings: captured.warnings,
    error: captured.error?.message ?? null,
  }
}
