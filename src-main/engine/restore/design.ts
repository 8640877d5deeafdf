import type { RestorePlan } from '../../contract/model.ts'
import type { HelperMount } from '../hosts/helper.ts'
import type { ContainerDefinition, NetworkDefinition, VolumeDefinition } from '../hosts/host.ts'
import type { ArtifactRecord } from '../store/manifest.ts'
import type { TreeScope } from './tree/tree-place.ts'

/** One file that is put into a tree by itself. */
export interface FileWork {
  readonly item: string
  readonly record: ArtifactRecord
  /** Path below the tree's folder. */
  readonly path: string
}

/** A folder, volume or set of files that is staged and switched as one. */
export interface TreeWork {
  /** Names it in journal and messages: the ledger id of the volume, bind, SQLite file or configuration. */
  readonly item: string
  /** Ledger ids of all that it restores. */
  readonly items: readonly string[]
  /** What the helper mounts. */
  readonly mount: HelperMount
  /** Folder below the mount, '' for the mount itself. */
  readonly folder: string
  readonly scope: TreeScope
  readonly archive: ArtifactRecord | null
  readonly files: readonly FileWork[]
  /** True when something that exists now is replaced. */
  readonly replaces: boolean
  /** True when the folder itself is gone and must be made before. */
  readonly createFolder: boolean
}

/** A database that is loaded beside the live one and switched by its driver. */
export interface DatabaseWork {
  readonly item: string
  readonly engine: string
  readonly service: string
  readonly database: string
  readonly artifacts: readonly { readonly fileName: string; readonly record: ArtifactRecord }[]
  readonly facts: Readonly<Record<string, unknown>>
  readonly counts: { readonly values: Readonly<Record<string, number>>; readonly exact: boolean }
  readonly replaces: boolean
}

/** What happens to one container. */
export interface ContainerWork {
  readonly service: string
  readonly name: string
  readonly dependsOn: readonly string[]
  /** As it is now; null when it is made anew from `recorded`. */
  readonly now: ContainerDefinition | null
  readonly recorded: ContainerDefinition | null
  /** It holds a database that is loaded by dump: it runs during the restore and is not stopped. */
  readonly servesDatabase: boolean
  /** It is stopped while the data is switched, when it runs then. */
  readonly stops: boolean
  /** It runs at the end. */
  readonly runsAfter: boolean
}

/** A plan with all that is needed to execute it exactly. */
export interface RestoreDesign {
  readonly plan: RestorePlan
  readonly trees: readonly TreeWork[]
  readonly databases: readonly DatabaseWork[]
  /** Dependencies first. */
  readonly containers: readonly ContainerWork[]
  readonly networks: readonly NetworkDefinition[]
  readonly volumes: readonly VolumeDefinition[]
  /** Folders that a container to be made mounts and that are gone: made empty. */
  readonly folders: readonly string[]
  /** Ledger ids of what exists now and is replaced: what the safety snapshot must hold. */
  readonly replaced: readonly string[]
  /** True when something that is asked for is not in the snapshot, because its backup failed. */
  readonly incomplete: boolean
}
