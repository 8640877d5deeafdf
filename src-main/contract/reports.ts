import type { Coverage, Item, JobSummary, SnapshotSummary, StackPolicy } from './model.ts'

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

/** How a stack's promises stand. */
export type StatusLevel = 'ok' | 'warning' | 'critical'

/** Something that keeps a stack from being well, with what to do. Codes are stable. */
export interface StatusProblem {
  readonly code:
    | 'never-backed-up'
    | 'promise-broken'
    | 'last-attempt-failed'
    | 'last-attempt-partial'
    | 'not-covered'
    | 'snapshot-unusable'
  readonly level: Exclude<StatusLevel, 'ok'>
  readonly message: string
  readonly hint: string
}

/** One stack's promises. */
export interface StackStatus {
  readonly host: string
  readonly stack: string
  readonly level: StatusLevel
  /** "Never older than", milliseconds. */
  readonly promiseMs: number
  /** Newest snapshot that holds the whole stack and can be used. */
  readonly newest: {
    readonly snapshot: string
    readonly time: string
    readonly ageMs: number
    readonly proof: SnapshotSummary['proof']
  } | null
  /** As the host shows it now; null when it was not asked or did not answer. */
  readonly coverage: Coverage | null
  readonly lastAttempt: {
    readonly at: string
    readonly state: JobSummary['state']
    readonly message: string | null
  } | null
  readonly problems: readonly StatusProblem[]
}

/** All promises in one view. */
export interface Status {
  /** The worst level of all stacks; a warning when there is none, since nothing is proved then. */
  readonly outcome: StatusLevel
  readonly stacks: readonly StackStatus[]
  readonly hosts: readonly { readonly host: string; readonly problem: string | null }[]
  /** Attempts that failed or are incomplete, newest first. */
  readonly failures: readonly JobSummary[]
}
