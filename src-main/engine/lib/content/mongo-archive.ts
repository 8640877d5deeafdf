import type { InspectorFactory } from './content.ts'
import { Damage, type PullBody, PullParser } from './pull-parser.ts'

const magic = 0x8199e26d
const terminator = 0xffffffff
/** The largest document that the server can make, with room for what wraps it. */
const documentLimit = 48 * 1024 * 1024

type Fields = Readonly<Record<string, string | boolean>>

/** Length of the next document, or null for a terminator. */
function* readLength(): Generator<number, number | null, Uint8Array> {
  const length = Buffer.from(yield 4).readUInt32LE(0)
  if (length === terminator) return null
  if (length < 5 || length > documentLimit) throw new Damage('a document is damaged')
  return length
}

/** Text and boolean fields of a flat document; others are stepped over. */
function readFields(body: Buffer): Fields {
  const fields: Record<string, string | boolean> = {}
  let at = 0
  while (at < body.length - 1) {
    const type = body[at] ?? 0
    const nameEnd = body.indexOf(0, at + 1)
    if (nameEnd === -1) throw new Damage('a header is damaged')
    const name = body.toString('utf8', at + 1, nameEnd)
    at = nameEnd + 1
    if (type === 0x02) {
      if (at + 4 > body.length) throw new Damage('a header is damaged')
      const length = body.readUInt32LE(at)
      if (length < 1 || at + 4 + length > body.length) throw new Damage('a header is damaged')
      fields[name] = body.toString('utf8', at + 4, at + 3 + length)
      at += 4 + length
    } else if (type === 0x08) {
      fields[name] = body[at] === 1
      at += 1
    } else if (type === 0x10) {
      at += 4
    } else if (type === 0x12 || type === 0x01) {
      at += 8
    } else {
      throw new Damage('a header is damaged')
    }
  }
  return fields
}

function* readDocument(length: number): Generator<number, Fields, Uint8Array> {
  const body = Buffer.from(yield length - 4)
  if (body.at(-1) !== 0) throw new Damage('a header is damaged')
  return readFields(body)
}

function namespaceOf(fields: Fields): string {
  const { db, collection } = fields
  if (typeof db !== 'string' || typeof collection !== 'string')
    throw new Damage('a header is damaged')
  return `${db}.${collection}`
}

/** A view has no data of its own, and so no end mark. */
function isView(fields: Fields): boolean {
  return (
    typeof fields.metadata === 'string' && /"viewOn"\s*:|"type"\s*:\s*"view"/.test(fields.metadata)
  )
}

/** Each collection named in front must have come to its end mark. */
function* readArchive(onEntry: () => void): PullBody {
  if (Buffer.from(yield 4).readUInt32LE(0) !== magic)
    throw new Damage('it is not an archive of mongodump')
  const header = yield* readLength()
  if (header === null) throw new Damage('its header is missing')
  yield -(header - 4)
  const open = new Set<string>()
  for (let length = yield* readLength(); length !== null; length = yield* readLength()) {
    const fields = yield* readDocument(length)
    onEntry()
    if (!isView(fields)) open.add(namespaceOf(fields))
  }
  for (;;) {
    if (open.size === 0) yield 0
    const length = yield* readLength()
    if (length === null) throw new Damage('a header is missing')
    const fields = yield* readDocument(length)
    const namespace = namespaceOf(fields)
    if (fields.EOF === true) {
      open.delete(namespace)
      // The data of a time series lies in its buckets.
      open.delete(namespace.replace(/\.system\.buckets\./, '.'))
    } else {
      open.add(namespace)
    }
    for (let size = yield* readLength(); size !== null; size = yield* readLength()) {
      if (fields.EOF === true) throw new Damage('documents follow the end of a collection')
      yield -(size - 4)
    }
  }
}

/** A `mongodump --archive` stream, not compressed. */
export const inspectMongoArchive: InspectorFactory = () => {
  let entries = 0
  const parser = new PullParser(
    readArchive(() => {
      entries += 1
    }),
  )
  return {
    write: chunk => parser.write(chunk),
    finish: () => {
      const problem = parser.finish()
      return { complete: problem === null, problem, entries }
    },
  }
}
