import type { ContentKind } from '../lib/content/content.ts'
import type { ProvenStream } from '../lib/proven-stream.ts'
import type { ArtifactRecord, Manifest } from './manifest.ts'

export interface ArtifactSpec {
  /** Path inside the snapshot without codec suffix: `volumes/file_storage.tar`, `databases/db/chatalot.dump`. */
  readonly path: string
  readonly item: string
  readonly content: ContentKind
  /** `zstd`: stored compressed (here, unless the stream is zstd already). `none`: stored as it comes. */
  readonly codec: 'zstd' | 'none'
  /** How many bytes are expected, for the message when the disk is full. */
  readonly expectedBytes?: number | null
  /** Called with source-side plain bytes seen so far, often. */
  onBytes?(plainBytes: number, storedBytes: number): void
  readonly signal: AbortSignal
}

/**
 * A snapshot while it is being written, in `<name>.partial`. Nothing is listed as a snapshot before
 * `commit` has renamed the folder.
 */
export interface SnapshotWriter {
  readonly folder: string
  /** The id that the snapshot will have. */
  readonly id: string
  /**
   * Stores one stream. Resolves only when exit code, source-side proof, end mark, read-back of the
   * stored bytes and all hashes agree; rejects with `AppError` (`stream-truncated`, `command-failed`,
   * `disk-full` …) otherwise, with the artifact's file removed and the source stopped.
   */
  addArtifact(spec: ArtifactSpec, source: ProvenStream): Promise<ArtifactRecord>
  /** Stores a small file (config, definitions) as it is, with 0600. */
  addFile(path: string, item: string, content: Uint8Array): Promise<ArtifactRecord>
  /** Writes manifest, SHA256SUMS and RESTORE.md, flushes everything to disk, renames. The manifest's `artifacts` must name every file. */
  commit(manifest: Manifest, restoreGuide: string): Promise<void>
  /** Removes the partial folder. */
  abandon(): Promise<void>
}
