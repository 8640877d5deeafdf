import { deserialize, Long, serialize } from 'bson'

/** One field of a document that was not taken apart: values stay the bytes that the server sent. */
export interface RawField {
  readonly name: string
  /** BSON's type number, https://bsonspec.org/spec.html. */
  readonly type: number
  readonly value: Buffer
}

/** What cannot be a BSON document. */
export class BsonDamage extends Error {
  constructor() {
    super('a document is damaged')
    this.name = 'BsonDamage'
  }
}

function textEnd(document: Buffer, from: number): number {
  const end = document.indexOf(0, from)
  if (end === -1) throw new BsonDamage()
  return end + 1
}

function sizeOf(type: number, document: Buffer, at: number): number {
  const length = (): number => (at + 4 <= document.length ? document.readInt32LE(at) : -1)
  switch (type) {
    case 0x06:
    case 0x0a:
    case 0x7f:
    case 0xff:
      return 0
    case 0x08:
      return 1
    case 0x10:
      return 4
    case 0x01:
    case 0x09:
    case 0x11:
    case 0x12:
      return 8
    case 0x07:
      return 12
    case 0x13:
      return 16
    case 0x03:
    case 0x04:
    case 0x0f:
      return length()
    case 0x02:
    case 0x0d:
    case 0x0e:
      return 4 + length()
    case 0x05:
      return 5 + length()
    case 0x0c:
      return 16 + length()
    case 0x0b:
      return textEnd(document, textEnd(document, at)) - at
    default:
      return -1
  }
}

/** The fields of a document or array, in its order. Throws `BsonDamage`. */
export function* rawFields(document: Buffer): Generator<RawField> {
  if (document.length < 5 || document.readInt32LE(0) !== document.length) throw new BsonDamage()
  const end = document.length - 1
  for (let at = 4; at < end;) {
    const type = document[at] ?? 0
    const nameEnd = textEnd(document, at + 1)
    const size = sizeOf(type, document, nameEnd)
    if (size < 0 || nameEnd + size > end) throw new BsonDamage()
    yield {
      name: document.toString('utf8', at + 1, nameEnd - 1),
      type,
      value: document.subarray(nameEnd, nameEnd + size),
    }
    at = nameEnd + size
  }
}

/** One field, or null. */
export function rawField(document: Buffer, name: string): RawField | null {
  for (const field of rawFields(document)) if (field.name === name) return field
  return null
}

/** A field's document or array, or null when it is none. */
export function rawDocument(document: Buffer, name: string): Buffer | null {
  const field = rawField(document, name)
  return field !== null && (field.type === 0x03 || field.type === 0x04) ? field.value : null
}

/** A field's value as bson makes it of it, numbers as BigInt where they do not fit. */
export function plainField(document: Buffer, name: string): unknown {
  const field = rawField(document, name)
  return field === null ? undefined : (plain(wrapped(field)) as { readonly v: unknown }).v
}

/** A number of whatever width, or null. */
export function numberField(document: Buffer, name: string): number | null {
  const value = plainField(document, name)
  if (typeof value === 'number') return value
  return Long.isLong(value) ? value.toNumber() : null
}

export function textField(document: Buffer, name: string): string | null {
  const value = plainField(document, name)
  return typeof value === 'string' ? value : null
}

/** A document as plain JavaScript: for what is looked at, never for what is kept. */
export function plain(document: Buffer): Readonly<Record<string, unknown>> {
  return deserialize(document, { promoteBuffers: true })
}

/** A document with this one value, named `v`. */
export function wrapped({ type, value }: Pick<RawField, 'type' | 'value'>): Buffer {
  return assemble([{ name: 'v', type, value }])
}

/** A document of these fields. */
export function assemble(fields: readonly RawField[]): Buffer {
  const parts = fields.flatMap(({ name, type, value }) => [
    Buffer.from([type]),
    Buffer.from(`${name}\0`, 'utf8'),
    value,
  ])
  const length = Buffer.alloc(4)
  length.writeInt32LE(parts.reduce((sum, part) => sum + part.length, 5))
  return Buffer.concat([length, ...parts, Buffer.from([0])])
}

/** A field of a plain value, to stand among others that are bytes. */
export function fieldFrom(name: string, value: unknown): RawField {
  const [field] = rawFields(Buffer.from(serialize({ [name]: value })))
  if (field === undefined) throw new BsonDamage()
  return field
}

/** A field that holds a document of bytes. */
export function documentField(name: string, document: Buffer): RawField {
  return { name, type: 0x03, value: document }
}

/** A field that holds a list of documents of bytes. */
export function listField(name: string, documents: readonly Buffer[]): RawField {
  const items = documents.map((each, index) => documentField(String(index), each))
  return { name, type: 0x04, value: assemble(items) }
}

/** The documents of a list. */
export function listOf(document: Buffer, name: string): readonly Buffer[] {
  const list = rawDocument(document, name)
  return list === null ? [] : [...rawFields(list)].map(field => field.value)
}
