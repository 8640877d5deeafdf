import type { DaemonInfo, HostSummary } from '../../contract/model.ts'
import type { CommandPlace } from '../lib/command.ts'

/** A mount of a container, as the engine really made it (never as a compose file names it). */
export interface ContainerMount {
  readonly type: 'volume' | 'bind' | 'tmpfs' | 'npipe' | 'cluster' | 'image'
  /** Real volume name, or absolute host path. */
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
  readonly driver: string | null
}

/** A container as the engine describes it: only what stages need, with the raw answer kept for recreation. */
export interface ContainerDefinition {
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
  readonly image: string
  readonly imageId: string
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null
  readonly exitCode: number | null
  readonly labels: Readonly<Record<string, string>>
  /** Environment as name → value. Values are secrets: never log, never store outside the snapshot. */
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly entrypoint: readonly string[]
  readonly user: string
  readonly mounts: readonly ContainerMount[]
  readonly networks: readonly string[]
  /** Container ports, for instance `5432/tcp`, with what they are published on. */
  readonly ports: readonly { readonly container: string; readonly published: readonly string[] }[]
  readonly restartPolicy: string
  readonly stopGraceMs: number
  readonly readOnlyRoot: boolean
  readonly tty: boolean
  readonly startedAt: string | null
  /** The engine's full inspect answer. */
  readonly raw: unknown
}

export interface VolumeDefinition {
  readonly name: string
  readonly driver: string
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
  readonly raw: unknown
}

export interface NetworkDefinition {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly labels: Readonly<Record<string, string>>
  readonly raw: unknown
}

export interface ImageDefinition {
  readonly id: string
  readonly tags: readonly string[]
  readonly digests: readonly string[]
  readonly architecture: string
  readonly sizeBytes: number
  /** Paths that the image declares as volumes. */
  readonly volumes: readonly string[]
  readonly raw: unknown
}

/** What a container that Lifeboat starts may be given. All are labelled, without network, log driver `none`. */
export interface HelperSpec {
  /** Why it is there, for the label: `read`, `write`, `dead-man`, `drill`. */
  readonly purpose: 'read' | 'write' | 'dead-man' | 'drill'
  readonly image: string
  readonly argv: readonly string[]
  readonly mounts: readonly {
    readonly type: 'volume' | 'bind'
    readonly source: string
    readonly target: string
    readonly readOnly: boolean
  }[]
  readonly env?: Readonly<Record<string, string>>
  readonly user?: string
  readonly capabilities?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly openStdin?: boolean
}

/** One Docker engine. All names are resolved to ids first; a recreated container is `container-gone`. */
export interface DockerHost {
  readonly kind: 'docker'
  readonly summary: HostSummary
  /** Asked anew each time: the pinned id is compared before every write. */
  daemon(): Promise<DaemonInfo>
  containers(): Promise<readonly ContainerDefinition[]>
  /** Rejects with `container-gone`. */
  container(id: string): Promise<ContainerDefinition>
  volumes(): Promise<readonly VolumeDefinition[]>
  /** Null when there is none; never creates one. */
  volume(name: string): Promise<VolumeDefinition | null>
  networks(): Promise<readonly NetworkDefinition[]>
  images(): Promise<readonly ImageDefinition[]>
  image(id: string): Promise<ImageDefinition | null>
  /**
   * Absolute paths that were added or changed in the container's own layer (`GET /containers/ID/changes`,
   * kinds 0 and 1), in the engine's order: data that lies on no mount. Empty when the engine cannot tell.
   */
  changes(id: string): Promise<readonly string[]>
  /**
   * A tar of a path inside a container, running or not, made by the engine itself: sparse files are full,
   * times whole seconds, extended attributes and ACLs missing. For hosts without any usable image.
   */
  readArchive(
    id: string,
    path: string,
    signal: AbortSignal,
  ): Promise<import('node:stream').Readable>
  /** Commands in a running container. */
  inContainer(id: string): CommandPlace
  start(id: string): Promise<void>
  /** Stops with the given grace; resolves when it is stopped. */
  stop(id: string, graceMs: number): Promise<void>
  pause(id: string): Promise<void>
  unpause(id: string): Promise<void>
  /** Creates and starts a helper container; returns its id. */
  startHelper(spec: HelperSpec): Promise<string>
  /** Input of a helper started with `openStdin`; closing our end or losing the connection closes the helper's stdin. */
  attachStdin(id: string): Promise<import('node:stream').Writable>
  /**
   * Input and output of a helper started with `openStdin`, over one connection. What it printed before is
   * lost: let it wait for a line first. `stdin.end()` closes its input; its output goes on.
   */
  attach(id: string): Promise<{
    readonly stdin: import('node:stream').Writable
    readonly stdout: import('node:stream').Readable
  }>
  /** Kills and removes; quiet when it is gone. */
  removeHelper(id: string): Promise<void>
  /** Helpers with our label, whoever started them. */
  helpers(): Promise<readonly ContainerDefinition[]>
  createVolume(spec: {
    readonly name: string
    readonly driver?: string
    readonly labels: Readonly<Record<string, string>>
    readonly options?: Readonly<Record<string, string>>
  }): Promise<void>
  removeVolume(name: string): Promise<void>
  createNetwork(raw: unknown): Promise<string>
  /** Quiet when it is gone; refused by the engine while a container is joined to it. */
  removeNetwork(id: string): Promise<void>
  /** Creates a container from a stored inspect answer (total loss); returns its id, not started. */
  createContainer(raw: unknown, name: string): Promise<string>
  removeContainer(id: string): Promise<void>
  /** Ends all connections. */
  close(): Promise<void>
}

/** A folder on this computer, no Docker: each sub-folder with a compose file, `.env` or database is a stack. */
export interface FolderHost {
  readonly kind: 'folder'
  readonly summary: HostSummary
  readonly path: string
  close(): Promise<void>
}

export type Host = DockerHost | FolderHost
