import type { Readable } from 'node:stream'

import { AppError } from '../../../contract/errors.ts'
import { Crc64 } from '../../lib/content/crc64.ts'
import {
  type ArchiveCollection,
  type ArchiveHeader,
  dataName,
  FORMAT_VERSION,
  MAGIC,
  TERMINATOR,
} from './archive-format.ts'
import { BsonDamage, plainField, rawField, textField } from './raw-bson.ts'

/** What is found in an archive, in its order. */
export type ArchivePart =
  | {
      readonly kind: 'prelude'
      readonly header: ArchiveHeader
      readonly collections: readonly ArchiveCollection[]
    }
  /** Documents of the namespace `name` (for a time series: its buckets). */
  | {
      readonly kind: 'documents'
      readonly database: string
      readonly name: string
      readonly documents: readonly Buffer[]
    }
  | { readonly kind: 'end'; readonly database: string; readonly name: string }

/** The largest document that the server can make, with room for what wraps it. */
const DOCUMENT_LIMIT = 48 * 1024 * 1024
/** Documents are handed over in batches of about this size. */
const BATCH_BYTES = 4 * 1024 * 1024
const BATCH_DOCUMENTS = 10_000

function damage(problem: string): AppError {
  return new AppError('stream-corrupt', {
    message: `The archive of MongoDB is damaged: ${problem}.`,
    state: 'Nothing of it was put in place.',
    hint: 'Check the snapshot with --read-data, and take another one.',
  })
}

/** Takes exactly so many bytes from a stream at a time. */
class Pieces {
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(stream: Readable) {
    this.#chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  }

  /** Null at the clean end of the stream. Throws where it ends in the middle. */
  async take(length: number): Promise<Buffer | null> {
    if (this.#rest.length < length) {
      const chunks = [this.#rest]
      let size = this.#rest.length
      while (size < length) {
        const next = await this.#chunks.next()
        if (next.done === true) {
          if (size === 0) return null
          throw damage('it breaks off')
        }
        chunks.push(next.value)
        size += next.value.length
      }
      this.#rest = Buffer.concat(chunks, size)
    }
    const piece = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return piece
  }

  async must(length: number): Promise<Buffer> {
    const piece = await this.take(length)
    if (piece === null) throw damage('it breaks off')
    return piece
  }

  /** The next document, or `end` for a terminator, or null at the end of the stream. */
  async document(): Promise<Buffer | 'end' | null> {
    const start = await this.take(4)
    if (start === null) return null
    const length = start.readUInt32LE(0)
    if (length === TERMINATOR) return 'end'
    if (length < 5 || length > DOCUMENT_LIMIT) throw damage('a document has an impossible length')
    const document = Buffer.concat([start, await this.must(length - 4)])
    if (document[length - 1] !== 0) throw damage('a document has no end')
    return document
  }
}

function collectionOf(document: Buffer): ArchiveCollection {
  const database = textField(document, 'db')
  const name = textField(document, 'collection')
  if (database === null || name === null) throw damage('a header lacks its name')
  const metadata = textField(document, 'metadata') ?? ''
  const type = textField(document, 'type')
  return {
    database,
    name,
    metadata,
    type: type === 'view' || type === 'timeseries' ? type : 'collection',
  }
}

/**
 * Reads an archive, one pass, whoever wrote it. Throws `stream-corrupt` when it breaks off, when a
 * checksum does not fit or when a collection that was announced does not come to its end.
 */
export async function* readArchive(stream: Readable): AsyncGenerator<ArchivePart> {
  const pieces = new Pieces(stream)
  try {
    yield* parts(pieces)
  } catch (error) {
    throw error instanceof BsonDamage ? damage('a header cannot be read') : error
  } finally {
    stream.destroy()
  }
}

async function* parts(pieces: Pieces): AsyncGenerator<ArchivePart> {
  if ((await pieces.must(4)).readUInt32LE(0) !== MAGIC) throw damage('it is none')
  const head = await pieces.document()
  if (!Buffer.isBuffer(head)) throw damage('its header is missing')
  const version = textField(head, 'version')
  if (version !== FORMAT_VERSION) throw damage(`its format ${String(version)} is not known`)
  const collections: ArchiveCollection[] = []
  for (let next = await pieces.document(); next !== 'end'; next = await pieces.document()) {
    if (next === null) throw damage('it breaks off')
    collections.push(collectionOf(next))
  }
  yield {
    kind: 'prelude',
    header: {
      serverVersion: textField(head, 'server_version') ?? '',
      toolVersion: textField(head, 'tool_version') ?? '',
    },
    collections,
  }
  const missing = new Map(
    collections.map(each => [JSON.stringify([each.database, dataName(each)]), each] as const),
  )
  const checksums = new Map<string, Crc64>()
  for (;;) {
    const next = await pieces.document()
    if (next === null) break
    if (next === 'end') throw damage('a header is missing')
    const database = textField(next, 'db')
    const name = textField(next, 'collection')
    if (database === null || name === null) throw damage('a header lacks its name')
    const key = JSON.stringify([database, name])
    const crc = checksums.get(key) ?? new Crc64('ecma')
    checksums.set(key, crc)
    if (plainField(next, 'EOF') === true) {
      const after = await pieces.document()
      if (after === null) throw damage('it breaks off')
      if (after !== 'end') throw damage('documents follow the end')
      if (rawField(next, 'CRC')?.value.equals(crc.digest()) !== true) {
        throw damage(`the checksum of ${database}.${name} does not fit`)
      }
      missing.delete(key)
      checksums.delete(key)
      yield { kind: 'end', database, name }
    } else {
      for await (const documents of block(pieces, crc)) {
        yield { kind: 'documents', database, name, documents }
      }
    }
  }
  const [unseen] = [...missing.keys(), ...checksums.keys()]
  if (unseen !== undefined) throw damage(`${unseen} does not come to its end`)
}

async function* block(pieces: Pieces, crc: Crc64): AsyncGenerator<readonly Buffer[]> {
  let batch: Buffer[] = []
  let size = 0
  for (;;) {
    const next = await pieces.document()
    if (next === null) throw damage('it breaks off')
    if (next === 'end') break
    crc.update(next)
    batch.push(next)
    size += next.length
    if (size >= BATCH_BYTES || batch.length >= BATCH_DOCUMENTS) {
      yield batch
      batch = []
      size = 0
    }
  }
  if (batch.length > 0) yield batch
}
