import type { Criticality, Finding, WireBlocker } from '../../contract/model.ts'
import type { OptionSpec, OptionValues } from '../../contract/options.ts'
import type { ContainerDefinition } from '../hosts/host.ts'
import type { CommandPlace } from '../lib/command.ts'
import type { ContentKind } from '../lib/content/content.ts'
import type { ProvenStream } from '../lib/proven-stream.ts'

/** What a driver may use. Everything is cancelled by `signal`. */
export interface DriverContext {
  readonly place: CommandPlace
  readonly container: ContainerDefinition
  readonly options: OptionValues
  readonly signal: AbortSignal
  /** Milliseconds that exact counting may take per server before estimates are taken instead. */
  readonly countBudgetMs: number
  warn(message: string): void
}

/** What `examine` learned of a running database server. */
export interface ServerFacts {
  readonly version: string
  readonly databases: readonly {
    readonly name: string
    readonly sizeBytes: number | null
    readonly criticality: Criticality
    /** True for what a backup leaves out by default (templates, the engine's own). */
    readonly system: boolean
  }[]
  /** Folder inside the container where the data really lies (PGDATA as the server says it). */
  readonly dataDirectory: string | null
  readonly findings: readonly Finding[]
  /** Which variable or file the login came from, for messages; never its value. */
  readonly credentialSource: string
}

/** Counts of one database: `schema.table` or collection → rows. */
export interface Counts {
  readonly values: Readonly<Record<string, number>>
  /** False when the time budget ran out and estimates were taken. */
  readonly exact: boolean
}

/** One stored stream of a dump. */
export interface DumpArtifact {
  /** File name inside `databases/<service>/`, without codec suffix: `chatalot.dump`, `globals.sql`. */
  readonly fileName: string
  /** Ledger item it belongs to: the database's name, or null for what the whole server shares (roles). */
  readonly database: string | null
  readonly content: ContentKind
  /** True when the dump tool compresses by itself: no second compression. */
  readonly compressed: boolean
  readonly estimatedBytes: number | null
  /** Starts the dump; called once, at any time before `close`. */
  open(): Promise<ProvenStream>
}

/**
 * A consistent point in time on one server, taken by `begin`. Everything dumped through it shows the
 * server as it was then, however long the dumps take; writers may go on.
 */
export interface DumpSession {
  readonly artifacts: readonly DumpArtifact[]
  /**
   * Counts in the dump's own transaction, per database. May take `countBudgetMs`: called once, after
   * the writers go on, before or while the artifacts are read.
   */
  counts(): Promise<Readonly<Record<string, Counts>>>
  /** What a restore must know beyond the dump: encoding, owner, settings, extensions. Plain JSON, no secrets. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Ends the transaction and waits until its processes are gone. */
  close(): Promise<void>
}

/** One database of a snapshot, as `stage` receives it. */
export interface DumpSource {
  readonly database: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly counts: Counts | null
  /** True when the server was made for the restore: what it came with (its users) becomes as it was, too. */
  readonly freshServer?: boolean
  /** The artifacts by `fileName`, those that the whole server shares as well; each may be opened more than once; plain bytes as the dump tool made them, hash-checked at their end. */
  readonly artifacts: readonly {
    readonly fileName: string
    readonly content: ContentKind
    readonly plainBytes: number
    open(): import('node:stream').Readable
  }[]
}

/**
 * A database loaded beside the live one. Until `activate` nothing that exists has changed; after it
 * the former one is kept aside until `finalize` (or comes back with `revert`).
 */
export interface StagedDatabase {
  /** Counts of what was loaded. */
  readonly counts: Counts
  readonly warnings: readonly string[]
  /** Ends connections and swaps names, in one moment. */
  activate(): Promise<void>
  /** Swaps back; safe when `activate` failed half-way. */
  revert(): Promise<void>
  /** Drops the former database; after this only the safety snapshot has it. */
  finalize(): Promise<void>
  /** Drops what was staged, live data untouched. */
  discard(): Promise<void>
  /**
   * What a later process needs to `revert` or `discard` after a crash: plain JSON for the journal, passed
   * to `DatabaseEngine.recover`.
   */
  readonly journal: Readonly<Record<string, string>>
}

/** A driver's pure answer to "is this yours?". */
export interface DetectedEngine {
  readonly engine: string
  /** Where the image keeps its data by default, inside the container. */
  readonly dataDirectory: string
  /** Login name as the container's definition declares it or the image's default; for the ledger while the server cannot be asked. */
  readonly user?: string
  /** Databases that the definition declares (`POSTGRES_DB` …), without the engine's own. */
  readonly databases?: readonly string[]
}

/**
 * One kind of database. A driver is one object in one file with one line in `all.ts`; it holds all
 * that is particular to the engine, and nothing outside names it.
 */
export interface DatabaseEngine {
  /** Stable id, also in manifests: `postgres`. */
  readonly id: string
  readonly label: string
  readonly options: readonly OptionSpec[]
  /** Pure. Exclusive: over all engines at most one says yes for a container. */
  detect(container: ContainerDefinition): DetectedEngine | null
  /** Logs in and looks; changes nothing. Rejects with `database-login`, `tool-missing`, `version-mismatch`. */
  examine(context: DriverContext): Promise<ServerFacts>
  /** Takes a consistent point of the named databases and of what the server shares. */
  begin(context: DriverContext, databases: readonly string[]): Promise<DumpSession>
  /** Why `stage` cannot work here, found without changing anything: older server, extension missing, … Empty when it can. */
  blockers(
    context: DriverContext,
    source: Pick<DumpSource, 'database' | 'facts'>,
  ): Promise<readonly WireBlocker[]>
  /**
   * Loads one database beside the live one, in one transaction where the engine allows it. Live data
   * stays untouched. `remember` is called and awaited before the first change and whenever the journal
   * grows, so that a crash in the middle can be put right by `recover` (action `discard`). When it
   * rejects, what it had made is removed again.
   */
  stage(
    context: DriverContext,
    source: DumpSource,
    remember: (journal: Readonly<Record<string, string>>) => Promise<void>,
  ): Promise<StagedDatabase>
  /** After a crash: puts things back by the journal of a staged database. Returns what was done, in words. */
  recover(
    context: DriverContext,
    journal: Readonly<Record<string, string>>,
    action: 'revert' | 'discard' | 'finalize',
  ): Promise<string>
  /** Waits until the server in the container answers; used after starts, in restores and drills. */
  ready(context: DriverContext, timeoutMs: number): Promise<void>
  /** Asks whether data answers: counts per table, for drills and for now-versus-snapshot. */
  count(context: DriverContext, database: string): Promise<Counts>
  /**
   * Lines for RESTORE.md: the exact stock commands that load this engine's artifacts of one service. Files are
   * paths in the snapshot's folder, which is the working directory.
   */
  restoreGuide(input: {
    readonly service: string
    readonly containerName: string
    readonly databases: readonly {
      readonly name: string
      readonly files: readonly string[]
      readonly facts: Readonly<Record<string, unknown>>
    }[]
    readonly sharedFiles: readonly string[]
  }): string
}
