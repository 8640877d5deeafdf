import type { Item, SnapshotSummary, StackPolicy } from './model.ts'

/** One line of `lifeboat doctor`. */
export interface DoctorCheck {
  readonly name: string
  readonly state: 'ok' | 'warning' | 'failed'
  readonly message: string
  /** What to do, null when there is nothing to do. */
  readonly hint: string | null
}
export interface DoctorReport {
  readonly ok: boolean
  readonly checks: readonly DoctorCheck[]
}

/** Folders in use (rule C11). */
export interface Paths {
  readonly config: string
  readonly state: string
  readonly cache: string
  readonly repository: string
  readonly settingsFile: string
}

/** What the start-up repair found and did after a crash. */
export interface RepairReport {
  readonly actions: readonly {
    readonly what: string
    readonly ok: boolean
    readonly detail: string
  }[]
}

export interface SavedHost {
  readonly name: string
  readonly address: string
  /** Engine id that this name is pinned to, once known. */
  readonly daemonId: string | null
}

/** Settings shared by app and command line; secrets are never in here. */
export interface Settings {
  readonly schemaVersion: 1
  readonly repository: string
  /** Ids of the repositories that were used, by absolute path: an unmounted disk is noticed by them. */
  readonly knownRepositories: Readonly<Record<string, string>>
  readonly hosts: readonly SavedHost[]
  /** Keyed by `<host>/<stack>`; only what differs from the default. */
  readonly policies: Readonly<Record<string, Partial<StackPolicy>>>
}

/** One artifact of a snapshot, as the manifest has it. */
export interface ArtifactSummary {
  readonly path: string
  readonly item: string
  readonly codec: string
  readonly encryption: string
  readonly plainBytes: number
  readonly storedBytes: number
  readonly sha256: string
  readonly entries: number | null
}

export interface SnapshotDetail extends SnapshotSummary {
  /** Absolute path of the snapshot's folder. */
  readonly folder: string
  readonly items: readonly (Pick<
    Item,
    'id' | 'kind' | 'engine' | 'service' | 'method' | 'consistency' | 'criticality'
  > & {
    readonly outcome: string
    readonly reason: string | null
    readonly counts: Readonly<Record<string, number>>
    readonly countsExact: boolean
    readonly warnings: readonly string[]
  })[]
  readonly artifacts: readonly ArtifactSummary[]
  readonly excluded: readonly { readonly item: string; readonly reason: string }[]
  readonly warnings: readonly string[]
  readonly downtimeMs: number
  readonly durationMs: number
  readonly lifeboatVersion: string
}

/** A restore that can be undone. */
export interface UndoEntry {
  readonly restore: string
  readonly host: string
  readonly stack: string
  readonly at: string
  readonly until: string
  readonly safetySnapshot: string
  readonly repository: string
}
