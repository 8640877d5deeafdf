/**
 * The nouns of Lifeboat as plain, readonly data. Sizes are bytes, durations milliseconds, times ISO
 * 8601 in UTC. What the command line prints with `--json` is made of these (see docs/json.md).
 */

// ---------------------------------------------------------------- hosts

export type HostKind = 'docker' | 'folder'

/** A host as it was found or saved. */
export interface HostSummary {
  /** What `--host` accepts: `local`, a saved name, `context:NAME`, `unix:///…`, `ssh://…`, `folder:/…`. */
  readonly id: string
  readonly label: string
  readonly kind: HostKind
  /** Address that is really used, for instance `unix:///var/run/docker.sock`. */
  readonly endpoint: string
  /** Where it was found: `flag`, `DOCKER_HOST`, `DOCKER_CONTEXT`, `config.json`, `default`, `socket`, `context`, `saved`, `ssh-config`, `folder`. */
  readonly source: string
  /** Why this one won or is listed, one sentence. */
  readonly reason: string
  /** True for the host that a command without `--host` uses. */
  readonly isDefault: boolean
  readonly state: 'ready' | 'unreachable' | 'untested'
  readonly problem: HostProblem | null
  readonly daemon: DaemonInfo | null
}

/** The layer at which reaching a host failed, with its own fix (rule S5). */
export interface HostProblem {
  readonly layer:
    | 'name-lookup'
    | 'network'
    | 'port'
    | 'host-key'
    | 'login'
    | 'docker-missing'
    | 'docker-permission'
    | 'socket-missing'
    | 'folder-missing'
    | 'daemon'
  readonly message: string
  readonly hint: string
}

export interface DaemonInfo {
  /** The engine's own id (`/info` ID): what a saved host is pinned to. */
  readonly id: string
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  readonly operatingSystem: string
  readonly architecture: string
  readonly cpus: number
  /** The engine's clock when asked, ISO 8601 UTC. */
  readonly time: string
}

// ---------------------------------------------------------------- stacks and their ledger

export type ItemKind = 'database' | 'sqlite' | 'volume' | 'bind' | 'bucket' | 'config'
export type Criticality = 'critical' | 'important' | 'replayable'
export type Decision = 'include' | 'exclude' | 'cannot'

/**
 * What a restore of the item gives. `app-consistent`: a dump, or a copy taken while its writers were
 * stopped. `crash-consistent`: a copy taken while its writers were paused: what a power cut would have
 * left. `hot`: copied while it may have been written to; only ever with a warning. `none`: nothing is
 * captured.
 */
export type Consistency = 'app-consistent' | 'crash-consistent' | 'hot' | 'none'

/** How an item is captured. */
export type CaptureMethod =
  | 'dump'
  | 'sqlite-backup'
  | 'paused-copy'
  | 'stopped-copy'
  | 'copy'
  | 'mirror'
  | 'covered-by-dump'
  | 'none'

/** One row of the coverage ledger: one piece of a stack's data, what happens to it, and why. */
export interface Item {
  /** Stable id: `database:SERVICE/NAME`, `sqlite:MOUNT/PATH`, `volume:NAME`, `bind:PATH`, `bucket:SERVICE/NAME`, `config:compose|env|secrets`. */
  readonly id: string
  readonly kind: ItemKind
  /** Database engine id, or null. */
  readonly engine: string | null
  /** Service that owns or mounts it (the first one, when several do). */
  readonly service: string | null
  /** All services that can write to it. */
  readonly writers: readonly string[]
  /** Where it is on the host: volume name, absolute path, database name. */
  readonly source: string
  /** Where it is inside the container, or null. */
  readonly target: string | null
  readonly sizeBytes: number | null
  readonly method: CaptureMethod
  readonly consistency: Consistency
  readonly criticality: Criticality
  readonly decision: Decision
  /** Why, one sentence for a person. */
  readonly reason: string
  /**
   * Ledger id of the item with which this one is taken, so that it has no step and no artifact of its
   * own: a folder inside another bind, a secrets folder that belongs to `config:secrets`.
   */
  readonly takenWith?: string
}

export type FindingSeverity = 'info' | 'warning' | 'critical'

/** A trap or remark that detection found. Codes are stable: `chroma-path`, `empty-volume`, … */
export interface Finding {
  readonly code: string
  readonly severity: FindingSeverity
  readonly item: string | null
  readonly message: string
  readonly hint: string
}

export interface ServiceSummary {
  readonly name: string
  readonly image: string
  readonly containerId: string
  /** Docker's word: `running`, `exited`, `paused`, `created`, …; `missing` when the definition has no container. */
  readonly state: string
  /** Docker's health word, or null when there is no health check. */
  readonly health: string | null
  readonly engine: string | null
  readonly version: string | null
  readonly dependsOn: readonly string[]
}

export type Coverage = 'covered' | 'partly' | 'uncovered'

/** A stack with its whole ledger. */
export interface Stack {
  readonly host: string
  readonly name: string
  readonly kind: 'compose' | 'swarm' | 'standalone' | 'folder'
  readonly coverage: Coverage
  readonly services: readonly ServiceSummary[]
  readonly items: readonly Item[]
  readonly findings: readonly Finding[]
}

/** What the user decided for one stack; everything has a default. Kept in the settings. */
export interface StackPolicy {
  /** Item ids or globs that are left out, with the user's reason. */
  readonly exclude: readonly string[]
  /** Item ids that are taken although they are left out by default. */
  readonly include: readonly string[]
  /** How writers are kept quiet: automatic, always stop, always pause, never touch a container. */
  readonly quiesce: 'auto' | 'stop' | 'pause' | 'none'
  /** Options per database engine id. */
  readonly engines: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>
  /** Command (argv is found by the driver) or URL asked for health after a restore, or null for the containers' own health. */
  readonly healthUrl: string | null
  /** How long health may take after a restore, milliseconds. */
  readonly healthTimeoutMs: number
  /** "Never older than": milliseconds; the home page and `status` compare with this. */
  readonly promiseMs: number
}

export const defaultPolicy: StackPolicy = {
  exclude: [],
  include: [],
  quiesce: 'auto',
  engines: {},
  healthUrl: null,
  healthTimeoutMs: 120_000,
  promiseMs: 2 * 24 * 60 * 60 * 1000,
}

// ---------------------------------------------------------------- backup plan

export type BackupAction =
  | 'copy-config'
  | 'quiesce'
  | 'begin-dump'
  | 'copy-sqlite'
  | 'copy-volume'
  | 'copy-bind'
  | 'mirror-bucket'
  | 'resume'
  | 'dump'
  | 'write-manifest'

export interface PlanStep {
  /** 1, 2, 3 … the order in which it happens. */
  readonly order: number
  readonly action: BackupAction
  readonly item: string | null
  readonly service: string | null
  /** One sentence for a person. */
  readonly detail: string
  /** True when a service is stopped or paused by this step. */
  readonly stops: boolean
  readonly estimatedBytes: number | null
  /**
   * For `copy-volume` and `copy-bind`: paths inside the mount that are not copied, relative, no trailing
   * slash; each is a file or a whole folder that another step takes (SQLite files with their logs, the
   * data folder of a dumped server) or that is left out.
   */
  readonly leaveOut?: readonly string[]
}

export interface PlannedDowntime {
  readonly service: string
  readonly how: 'stop' | 'pause'
  readonly reason: string
  /** The service's stop grace period in ms (what stopping may cost at most), 0 for a pause. */
  readonly graceMs: number
}

/** What a backup will do, exactly; made by a pure function, shown, then executed. */
export interface BackupPlan {
  /** Hash over the plan's content: two equal plans have one id. */
  readonly planId: string
  readonly host: string
  readonly stack: string
  readonly repository: string
  readonly steps: readonly PlanStep[]
  readonly downtime: readonly PlannedDowntime[]
  readonly excluded: readonly { readonly item: string; readonly reason: string }[]
  readonly warnings: readonly string[]
  readonly estimatedBytes: number
}

// ---------------------------------------------------------------- snapshots

export type Outcome = 'complete' | 'partial' | 'failed'
export type ProofLevel = 'recorded' | 'checked' | 'drilled'

export interface SnapshotSummary {
  /** `<host>/<stack>/<20261121T030000Z>` */
  readonly id: string
  readonly host: string
  readonly stack: string
  readonly time: string
  readonly outcome: Outcome
  readonly sizeBytes: number
  readonly encrypted: boolean
  readonly pinned: boolean
  /** Why it exists: a backup, a safety snapshot before a restore, or an import. */
  readonly origin: 'backup' | 'safety' | 'import'
  readonly proof: { readonly level: ProofLevel; readonly at: string | null }
  readonly copies: readonly { readonly target: string; readonly verifiedAt: string | null }[]
  /** Why it cannot be used (its manifest is damaged or newer), one sentence; null when it can. */
  readonly problem: string | null
}

export interface BackupItemResult {
  readonly id: string
  readonly outcome: Outcome
  readonly bytesIn: number
  readonly bytesStored: number
  readonly durationMs: number
  /** Of the item's plain content (its first artifact). */
  readonly sha256: string | null
  readonly consistency: Consistency
  readonly warnings: readonly string[]
  readonly error: string | null
}

export interface BackupReport {
  readonly snapshot: string
  readonly stack: string
  readonly outcome: Outcome
  readonly items: readonly BackupItemResult[]
  readonly durationMs: number
  /** How long services could not work, first quiesce to last resume. */
  readonly downtimeMs: number
  readonly warnings: readonly string[]
}

export interface CheckRow {
  readonly name: string
  readonly expected: string
  readonly actual: string
  readonly ok: boolean
}

export interface CheckReport {
  readonly snapshot: string
  readonly outcome: 'ok' | 'failed'
  readonly readData: boolean
  readonly items: readonly { readonly id: string; readonly checks: readonly CheckRow[] }[]
  readonly restoreMs: number | null
  readonly leftovers: readonly string[]
}

/** One entry of a volume archive, as browsed. */
export interface FileEntry {
  readonly path: string
  readonly type:
    'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'socket' | 'block' | 'character'
  readonly sizeBytes: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly modified: string
  readonly linkTarget: string | null
}

// ---------------------------------------------------------------- restore

export type RestoreAction =
  | 'safety-snapshot'
  | 'restore-config'
  | 'create-network'
  | 'create-volume'
  | 'create-container'
  | 'start-database'
  | 'stage'
  | 'stop'
  | 'switch'
  | 'start'
  | 'health'
  | 'finish'

export interface RestoreStep {
  readonly order: number
  readonly action: RestoreAction
  readonly item: string | null
  readonly service: string | null
  readonly detail: string
  /** True when data or a service that exists now is changed by this step. */
  readonly changes: boolean
}

/** Now versus snapshot for one item, in words and numbers. */
export interface Difference {
  readonly item: string
  readonly now: string
  readonly snapshot: string
  /** True when what is there now would be replaced. */
  readonly replaces: boolean
}

export interface RestorePlan {
  readonly planId: string
  readonly host: string
  readonly stack: string
  readonly snapshot: string
  readonly items: readonly string[]
  readonly steps: readonly RestoreStep[]
  readonly differences: readonly Difference[]
  /** Reasons why this restore cannot start; empty when it can. */
  readonly blockers: readonly WireBlocker[]
  readonly warnings: readonly string[]
  readonly notRestored: readonly { readonly item: string; readonly reason: string }[]
}

export interface WireBlocker {
  readonly code: string
  readonly message: string
  readonly hint: string
}

export interface RestoreItemResult {
  readonly id: string
  readonly outcome: 'restored' | 'failed' | 'rolled-back' | 'skipped'
  readonly checks: readonly CheckRow[]
  readonly error: string | null
}

export interface RestoreReport {
  /** Id of this restore, what `undo` takes. */
  readonly restore: string
  readonly stack: string
  readonly snapshot: string
  readonly outcome: Outcome
  readonly safetySnapshot: string | null
  readonly items: readonly RestoreItemResult[]
  readonly health: { readonly ok: boolean; readonly detail: string }
  readonly rolledBack: boolean
  readonly undoUntil: string | null
  readonly durationMs: number
  readonly warnings: readonly string[]
}

// ---------------------------------------------------------------- jobs

export type JobKind = 'backup' | 'check' | 'restore' | 'undo' | 'drill' | 'extract' | 'import'
export type JobStage =
  'detect' | 'plan' | 'capture' | 'store' | 'verify' | 'restore' | 'health' | 'done'

/** At most five a second; a newer one replaces an older one. */
export interface JobProgress {
  readonly jobId: string
  readonly kind: JobKind
  readonly stage: JobStage
  /** What is being done now, a short phrase for a person. */
  readonly phase: string
  readonly item: string | null
  /** Source bytes seen so far over the whole job; never falls. */
  readonly bytesDone: number
  readonly bytesTotal: number | null
  readonly bytesPerSecond: number
  readonly etaMs: number | null
  /** How long no byte has arrived, 0 when data flows. */
  readonly stalledMs: number
  /** What closing or killing the program now would leave, one sentence. */
  readonly safety: string
  readonly itemsDone: number
  readonly itemsTotal: number
}

/** A line of a job's log: something that happened, in words. */
export interface JobEvent {
  readonly jobId: string
  readonly time: string
  readonly level: 'info' | 'warning' | 'error'
  readonly message: string
}

export interface JobSummary {
  readonly jobId: string
  readonly kind: JobKind
  readonly host: string | null
  readonly stack: string | null
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly state: 'running' | 'complete' | 'partial' | 'failed' | 'cancelled'
  readonly progress: JobProgress | null
  readonly error: JobError | null
}

export interface JobError {
  readonly code: string
  readonly message: string
  readonly state: string
  readonly hint: string
  readonly details?: string
}
