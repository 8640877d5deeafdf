import type { ContentKind } from '../lib/content/content.ts'
import type { ProvenStream } from '../lib/proven-stream.ts'

/** What capture needs to know of a stored file; the store's own record has more. */
export interface StoredArtifact {
  /** Path inside the snapshot. */
  readonly path: string
  readonly plain: { readonly bytes: number; readonly sha256: string }
  readonly stored: { readonly bytes: number; readonly sha256: string }
}

/** Where the streams of a backup go: the part of the store's `SnapshotWriter` that capture uses. */
export interface ArtifactSink<R extends StoredArtifact> {
  /** Stores a stream, or rejects when any proof is missing; then nothing of it is kept. */
  addArtifact(
    spec: {
      readonly path: string
      readonly item: string
      readonly content: ContentKind
      readonly codec: 'zstd' | 'none'
      readonly expectedBytes?: number | null
      readonly onBytes?: (plainBytes: number, storedBytes: number) => void
      readonly signal: AbortSignal
    },
    source: ProvenStream,
  ): Promise<R>
  addFile(path: string, item: string, content: Uint8Array): Promise<R>
}
