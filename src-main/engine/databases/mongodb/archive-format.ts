import { Long, serialize } from 'bson'

/**
 * The format of `mongodump --archive`, version 0.1, as mongo-tools documents it in the comments of its
 * common/archive (parser.go, prelude.go, multiplexer.go):
 *
 *     magic  header  metadata of every collection  terminator
 *     then blocks: header of a namespace  documents  terminator
 *     and for each namespace, after its last document: header with EOF and CRC  terminator
 *
 * Headers and documents are BSON. The CRC is CRC-64 (ECMA) over the namespace's documents.
 */
export const MAGIC = 0x8199e26d
export const TERMINATOR = 0xffffffff
export const FORMAT_VERSION = '0.1'

/** The data of a time series lies in a collection of this name. */
export const BUCKETS = 'system.buckets.'

/** What the archive says in front about one collection. */
export interface ArchiveCollection {
  readonly database: string
  readonly name: string
  readonly type: 'collection' | 'view' | 'timeseries'
  /** Canonical Extended JSON: options, indexes, uuid, collectionName, type. Empty when there is none. */
  readonly metadata: string
}

export interface ArchiveHeader {
  readonly serverVersion: string
  readonly toolVersion: string
}

/** The namespace under which a collection's documents stand in the archive. */
export function dataName({ name, type }: Pick<ArchiveCollection, 'name' | 'type'>): string {
  return type === 'timeseries' ? BUCKETS + name : name
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** Everything before the documents. */
export function preludeBytes(
  { serverVersion, toolVersion }: ArchiveHeader,
  collections: readonly ArchiveCollection[],
): Buffer {
  const header = serialize({
    concurrent_collections: 1,
    version: FORMAT_VERSION,
    server_version: serverVersion,
    tool_version: toolVersion,
  })
  const metadata = collections.map(({ database, name, type, metadata }) =>
    serialize({ db: database, collection: name, metadata, size: 0, type }),
  )
  return Buffer.concat([word(MAGIC), header, ...metadata, word(TERMINATOR)])
}

/** The header of a block; with a checksum (8 bytes, lowest first) it is the namespace's end. */
export function namespaceBytes(database: string, collection: string, end: Buffer | null): Buffer {
  const crc = end === null ? Long.ZERO : Long.fromBytesLE([...end])
  return Buffer.from(serialize({ db: database, collection, EOF: end !== null, CRC: crc }))
}
