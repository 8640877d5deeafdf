import type { DaemonInfo, HostSummary, Stack, StackPolicy } from '../../contract/model.ts'
import type { ServerFacts } from '../databases/database.ts'
import type {
  ContainerDefinition,
  ImageDefinition,
  NetworkDefinition,
  VolumeDefinition,
} from '../hosts/host.ts'
import type { ComposeDefinition } from './compose-file.ts'
import type { StackFile } from './inventory.ts'
import type { ContainerRole } from './roles.ts'

/** A container with the name of the service that it runs. */
export type ServiceContainer = ContainerDefinition & { readonly service: string }

/** One stack as the engine's own lists show it, before anything was opened or asked. */
export interface StackGroup {
  readonly name: string
  readonly kind: Stack['kind']
  readonly containers: readonly ServiceContainer[]
  /** Volumes that its containers mount or that carry its label. */
  readonly volumes: readonly VolumeDefinition[]
  readonly networks: readonly NetworkDefinition[]
  readonly images: readonly ImageDefinition[]
  readonly workingDirectory: string | null
  readonly configFiles: readonly string[]
  readonly environmentFiles: readonly string[]
}

/** A container of another stack that mounts something of this one. */
export interface Outsider {
  /** Ledger id of the mount. */
  readonly mount: string
  readonly stack: string
  readonly service: string
  readonly running: boolean
  readonly readOnly: boolean
}

/** What a database server said when it was looked into. */
export interface ServerProbe {
  readonly containerId: string
  readonly facts: ServerFacts | null
  /** Why there are no facts, one sentence; null when there are. */
  readonly problem: string | null
}

/** What was seen in a mount. */
export interface MountFacts {
  readonly type: 'directory' | 'file' | 'socket' | 'other' | 'missing'
  readonly sizeBytes: number | null
  /** True for a folder without any entry. */
  readonly empty: boolean
  readonly sqlite: readonly {
    readonly path: string
    readonly sizeBytes: number
    readonly hasLog: boolean
  }[]
  /** Files that only a certain kind of database makes: what made them, and where. */
  readonly signatures: readonly { readonly store: string; readonly path: string }[]
  /** Some files outside the data folders of the servers that use the mount. */
  readonly others: readonly string[]
  /** False when the search was cut short: what was not found may still be there. */
  readonly searched: boolean
  /** Why it could not be looked into, or null. */
  readonly problem: string | null
}

/** Everything that is known of one Docker stack: the ledger is computed from this alone. */
export interface StackFacts {
  readonly host: HostSummary
  readonly daemon: DaemonInfo | null
  readonly takenAt: string
  readonly group: StackGroup
  readonly outsiders: readonly Outsider[]
  /** What each container is, by container id. */
  readonly roles: ReadonlyMap<string, ContainerRole>
  /** What the compose files say; null when they were not read. */
  readonly definition: ComposeDefinition | null
  readonly files: readonly StackFile[]
  readonly servers: readonly ServerProbe[]
  /** By ledger id; empty when no mount was opened. */
  readonly mounts: ReadonlyMap<string, MountFacts>
  /** Paths written in a container's own layer, by container id. */
  readonly layers: ReadonlyMap<string, readonly string[]>
  /** Why the mounts were not opened though they should have been, or null. */
  readonly helperProblem: string | null
  readonly policy: StackPolicy
}
