import type { HostSummary, StackPolicy, WireBlocker } from '../../contract/model.ts'
import type { Counts } from '../databases/database.ts'
import type { Inventory } from '../detect/inventory.ts'
import type { ContainerDefinition, NetworkDefinition, VolumeDefinition } from '../hosts/host.ts'
import type { Manifest } from '../store/manifest.ts'

/** The stack's definitions as the snapshot keeps them: enough to make everything anew. */
export interface RecordedDefinitions {
  readonly containers: readonly (ContainerDefinition & { readonly service: string })[]
  readonly networks: readonly NetworkDefinition[]
  readonly volumes: readonly VolumeDefinition[]
}

/** What is at the place of one volume, bind or folder now. */
export interface PlaceFact {
  readonly state: 'present' | 'absent' | 'unknown'
  /** A bind may be a single file. */
  readonly type: 'directory' | 'file' | 'other'
  /** Paths below it, itself not counted; null when not counted. */
  readonly entries: number | null
  readonly bytes: number | null
  readonly freeBytes: number | null
  /** Tells file systems apart: places with the same one share `freeBytes`. */
  readonly fileSystem: string | null
  /** Why it could not be looked into, or null. */
  readonly problem: string | null
}

/** What is at the path of one configuration file now. */
export interface FileFact {
  readonly exists: boolean
  readonly sha256: string | null
}

/** What the server that a database belongs to says now. */
export interface ServerFact {
  /** `absent`: no container. `stopped`: it does not run. `broken`: it runs but nobody can log in. */
  readonly state: 'ready' | 'stopped' | 'absent' | 'broken'
  readonly problem: string | null
  readonly version: string | null
  readonly databases: readonly { readonly name: string; readonly sizeBytes: number | null }[]
}

export interface DatabaseFact {
  /** Null when it is not there or could not be counted. */
  readonly counts: Counts | null
  /** What the driver has against loading it here. */
  readonly blockers: readonly WireBlocker[]
}

/** Everything that a restore plan is computed from. Plain data, gathered by gather.ts. */
export interface RestoreFacts {
  readonly snapshot: Manifest
  readonly definitions: RecordedDefinitions
  /** Stored files that are missing or have another size than the manifest says. */
  readonly damaged: readonly { readonly path: string; readonly problem: string }[]
  readonly host: HostSummary
  /** The user named this host; otherwise it is the one that the snapshot names. */
  readonly hostWasNamed: boolean
  /** The stack as it is now; null when nothing of it was found. */
  readonly inventory: Inventory | null
  readonly policy: StackPolicy
  /** All containers of the host; empty on a folder host. */
  readonly containers: readonly ContainerDefinition[]
  /** Names of volumes and networks that exist. */
  readonly volumes: readonly string[]
  readonly networks: readonly string[]
  /** References and ids of the images on the host. */
  readonly images: readonly string[]
  /** By ledger id of the volume or bind. */
  readonly places: Readonly<Record<string, PlaceFact>>
  /** Binds of the snapshot that are one file each, not a folder. */
  readonly singleFiles: readonly string[]
  /** By host path. */
  readonly files: Readonly<Record<string, FileFact>>
  /** By service. */
  readonly servers: Readonly<Record<string, ServerFact>>
  /** By ledger id of the database. */
  readonly databases: Readonly<Record<string, DatabaseFact>>
  /** Item ids that were asked for; null for all. */
  readonly only: readonly string[] | null
  /** ISO 8601 UTC. */
  readonly now: string
}
