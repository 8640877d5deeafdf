import type { Readable } from 'node:stream'

/**
 * What the source says about a stream once it has ended. A clean end of a stream proves nothing
 * (docs/reliability.md): only the exit code and a figure made on the source side do.
 */
export interface SourceProof {
  /** Exit code of the command that made the data; null when the engine could not tell, which is a failure. */
  readonly exitCode: number | null
  /** Bytes the source put on the wire, as encoded there. */
  readonly streamBytes?: number
  /** SHA-256 (hex) of the bytes on the wire, made at the source. */
  readonly streamSha256?: string
  /** Bytes before the source's own compression (`tar --totals`). */
  readonly plainBytes?: number
  /** Last 64 KiB of stderr, secrets masked. */
  readonly stderr: string
  /** Things that went less than well without spoiling the data, in words. */
  readonly warnings: readonly string[]
  /** Set when the source itself says that the data is no good. */
  readonly failure?: string
}

/** A stream together with the source's proof; `proof` settles after `stream` has ended. */
export interface ProvenStream {
  readonly stream: Readable
  /** `zstd` when the source compressed it already. */
  readonly encoding: 'none' | 'zstd'
  readonly proof: Promise<SourceProof>
  /** Stops the source and waits until its processes are gone (10 s at most). Safe to call twice. */
  abort(): Promise<void>
}
