import { deserialize, EJSON, serialize } from 'bson'

import { assemble, type RawField, rawFields, wrapped } from './raw-bson.ts'

/**
 * Canonical Extended JSON with its fields in their order. JavaScript's own objects put names that look
 * like numbers first, which would make another index of `{ b: 1, "7": 1 }`.
 */
export function toOrderedJson(document: Buffer): string {
  const fields = [...rawFields(document)].map(
    field => `${JSON.stringify(field.name)}:${valueJson(field)}`,
  )
  return `{${fields.join(',')}}`
}

function valueJson(field: RawField): string {
  if (field.type === 0x03) return toOrderedJson(field.value)
  if (field.type === 0x04) return `[${[...rawFields(field.value)].map(valueJson).join(',')}]`
  const { v } = deserialize(wrapped(field), { promoteValues: false, bsonRegExp: true }) as {
    readonly v: unknown
  }
  return EJSON.stringify(v, { relaxed: false })
}

const stringLiteral = /"((?:[^"\\]|\\.)*)"(\s*:)?/g

/** The document that {@link toOrderedJson}, or mongodump, wrote as JSON. Throws `SyntaxError`. */
export function fromOrderedJson(text: string): Buffer {
  // With a sign in front no name looks like a number, and the parser keeps the order.
  const marked = text.replaceAll(stringLiteral, (whole: string, inner: string, colon?: string) =>
    colon === undefined ? whole : `"_${inner}"${colon}`,
  )
  const parsed: unknown = JSON.parse(marked)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new SyntaxError('it is no document')
  }
  return documentOf(Object.entries(parsed))
}

type Entries = readonly (readonly [markedName: string, value: unknown])[]

function documentOf(entries: Entries): Buffer {
  return assemble(entries.map(([name, value]) => fieldOf(name.slice(1), value)))
}

/** Names by which Extended JSON says of what type a value is. */
const typeNames =
  /^_\$(oid|numberInt|numberLong|numberDouble|numberDecimal|date|timestamp|binary|uuid|regularExpression|symbol|code|dbPointer|minKey|maxKey|undefined|scope)$/

function fieldOf(name: string, value: unknown): RawField {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => fieldOf(String(index), item))
    return { name, type: 0x04, value: assemble(items) }
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    const [first] = entries
    if (first === undefined || !entries.every(([each]) => typeNames.test(each))) {
      return { name, type: 0x03, value: documentOf(entries) }
    }
  }
  const v: unknown = EJSON.deserialize(unmarked(value) as Record<string, unknown>, {
    relaxed: false,
  })
  const [field] = rawFields(Buffer.from(serialize({ v })))
  if (field === undefined) throw new SyntaxError('a value is no BSON')
  return { ...field, name }
}

function unmarked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmarked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name.slice(1), unmarked(each)]),
  )
}
