import type { FileEntry } from '../../../contract/model.ts'

/** What a stored stream is, which decides how its completeness is proved. */
export type ContentKind =
  | 'tar'
  | 'pg-custom'
  | 'pg-sql'
  | 'mysql-sql'
  | 'mongo-archive'
  | 'rdb'
  | 'sqlite'
  | 'json'
  | 'bytes'

/** What an inspector found in the plain bytes. */
export interface InspectionResult {
  /** The format's own end mark was there: end-of-archive blocks, `-- Dump completed`, RDB checksum … */
  readonly complete: boolean
  /** Why not, one sentence; null when complete. */
  readonly problem: string | null
  /** Number of entries, for archives. */
  readonly entries: number | null
}

/**
 * Looks at the plain bytes of an artifact as they pass, in order, without keeping them. Runs in a worker
 * thread: no I/O beyond `onEntry`.
 */
export interface ContentInspector {
  /** The chunk may be overwritten afterwards: what is kept of it must be copied. */
  write(chunk: Uint8Array): void
  finish(): InspectionResult
}

/** Makes an inspector; `onEntry` receives each archive entry for the file index. */
export type InspectorFactory = (onEntry: (entry: FileEntry) => void) => ContentInspector
