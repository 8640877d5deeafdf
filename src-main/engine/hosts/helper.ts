import type { CommandPlace } from '../lib/command.ts'

/** What the tools of a helper's image can do, found by asking them. */
export interface HelperTools {
  /** `gnu`: everything is kept. `busybox`: no sparse files, xattrs or ACLs; the manifest names the loss. */
  readonly tar: 'gnu' | 'busybox' | null
  readonly zstd: boolean
  /** Command that makes a SHA-256 of its input, fastest first. */
  readonly sha256: 'openssl' | 'sha256sum' | null
  readonly shell: boolean
  readonly find: 'gnu' | 'busybox' | null
  readonly getfattr: boolean
  /** What can talk to the engine's socket, for the dead-man switch. */
  readonly socketClient: 'perl' | 'python3' | 'curl' | null
}

/** A sleeping container with a stack's mounts, in which find, tar and zstd run. No network, no socket. */
export interface Helper {
  readonly containerId: string
  readonly image: string
  readonly tools: HelperTools
  readonly place: CommandPlace
  /** Where a mount is inside the helper, by ledger id (`volume:NAME`, `bind:PATH`); null when it could not be mounted. */
  pathOf(mount: string): string | null
  /** Mounts that could not be made, with the engine's reason. */
  readonly missing: readonly { readonly mount: string; readonly reason: string }[]
  /** Removes the container; quiet when it is gone. */
  close(): Promise<void>
}

export interface HelperMount {
  /** Ledger id. */
  readonly mount: string
  readonly type: 'volume' | 'bind'
  /** Volume name or absolute host path. */
  readonly source: string
  readonly readOnly: boolean
}
