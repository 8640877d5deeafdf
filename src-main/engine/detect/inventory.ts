import type { DaemonInfo, HostSummary, Stack } from '../../contract/model.ts'
import type { ServerFacts } from '../databases/database.ts'
import type {
  ContainerDefinition,
  ImageDefinition,
  NetworkDefinition,
  VolumeDefinition,
} from '../hosts/host.ts'

/** A database server that detection found and looked into. */
export interface DetectedServer {
  readonly service: string
  readonly containerId: string
  readonly engine: string
  /** Null when it could not be looked into; `problem` says why. */
  readonly facts: ServerFacts | null
  readonly problem: string | null
  /** Folder inside the container where its data lies: as the server says, else as the image has it. */
  readonly dataDirectory: string
  /** Ledger ids of the mounts that hold its data folder. */
  readonly dataMounts: readonly string[]
}

/** An SQLite database, found by its header. */
export interface DetectedSqlite {
  /** Ledger id. */
  readonly item: string
  /** Ledger id of the volume or bind that it lies in, or null on a folder host. */
  readonly mount: string | null
  /** Path inside the mount (or the folder), forward slashes, no leading slash. */
  readonly path: string
  readonly sizeBytes: number
  /** True when a `-wal` or `-journal` file lies beside it. */
  readonly hasLog: boolean
}

/** A file of the stack's definition: compose file, env file or secret. */
export interface StackFile {
  readonly kind: 'compose' | 'env' | 'secrets'
  /** Absolute path on the host. */
  readonly path: string
  readonly exists: boolean
  readonly sizeBytes: number | null
  readonly mode: number | null
  readonly uid: number | null
  readonly gid: number | null
}

/**
 * What detect found of one stack: the ledger that people see (`stack`) and the facts that the later
 * stages need. Plain data; values of environment variables are in `containers` only.
 */
export interface Inventory {
  readonly host: HostSummary
  readonly daemon: DaemonInfo | null
  /** This computer's clock, ISO 8601 UTC. */
  readonly takenAt: string
  readonly stack: Stack
  readonly workingDirectory: string | null
  readonly configFiles: readonly string[]
  readonly environmentFiles: readonly string[]
  readonly files: readonly StackFile[]
  readonly containers: readonly (ContainerDefinition & { readonly service: string })[]
  readonly volumes: readonly VolumeDefinition[]
  readonly networks: readonly NetworkDefinition[]
  readonly images: readonly ImageDefinition[]
  readonly servers: readonly DetectedServer[]
  readonly sqlite: readonly DetectedSqlite[]
}
