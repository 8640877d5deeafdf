import type { InspectorFactory } from './content.ts'
import { Damage, type PullBody, PullParser } from './pull-parser.ts'

/** Text of a table of contents longer than this is damage. */
const textLimit = 256 * 1024 * 1024
const customFormat = 1
const noData = 3
const tableData = 1
const largeObjects = 3

interface Layout {
  /** Archive format version, 1.12 as 112. */
  readonly version: number
  readonly intSize: number
  readonly offsetSize: number
}

/** An integer: a sign byte, then the magnitude, lowest byte first. */
function* readInt(layout: Layout): Generator<number, number, Uint8Array> {
  const bytes = yield 1 + layout.intSize
  let value = 0
  for (let index = layout.intSize; index >= 1; index -= 1) value = value * 256 + (bytes[index] ?? 0)
  if ((bytes[0] ?? 0) > 1) throw new Damage('a number is damaged')
  return bytes[0] === 1 ? -value : value
}

/** Steps over a text; false for NULL. */
function* skipText(layout: Layout): Generator<number, boolean, Uint8Array> {
  const length = yield* readInt(layout)
  if (length > textLimit || length < -1) throw new Damage('its table of contents is damaged')
  if (length > 0) yield -length
  return length >= 0
}

function* readHead(): Generator<number, Layout, Uint8Array> {
  const head = yield 11
  if (Buffer.from(head.subarray(0, 5)).toString('latin1') !== 'PGDMP') {
    throw new Damage('it does not begin with PGDMP')
  }
  const version = (head[5] ?? 0) * 100 + (head[6] ?? 0)
  const layout: Layout = { version, intSize: head[8] ?? 0, offsetSize: head[9] ?? 0 }
  if (version < 110 || version > 199) throw new Damage('its format version is unknown')
  if (![4, 8].includes(layout.intSize) || layout.offsetSize !== 8)
    throw new Damage('its header is damaged')
  if (head[10] !== customFormat) throw new Damage('it is not in custom format')
  if (version >= 115) yield 1
  else yield* readInt(layout)
  for (let field = 0; field < 7; field += 1) yield* readInt(layout)
  for (let field = 0; field < 3; field += 1) yield* skipText(layout)
  return layout
}

/** One entry; returns its id when data belongs to it. */
function* readEntry(layout: Layout): Generator<number, number | null, Uint8Array> {
  const id = yield* readInt(layout)
  yield* readInt(layout)
  yield* skipText(layout)
  yield* skipText(layout)
  yield* skipText(layout)
  yield* skipText(layout)
  if (layout.version >= 111) yield* readInt(layout)
  // Definition, drop and copy statements, schema, tablespace, and from 1.14 on the access method.
  for (let field = 0; field < (layout.version >= 114 ? 6 : 5); field += 1) yield* skipText(layout)
  if (layout.version >= 116) yield* readInt(layout)
  yield* skipText(layout)
  yield* skipText(layout)
  while (yield* skipText(layout));
  const offset = yield 1 + layout.offsetSize
  return offset[0] === noData ? null : id
}

function* skipChunks(layout: Layout): PullBody {
  for (;;) {
    const length = yield* readInt(layout)
    if (length < 0) throw new Damage('a data block is damaged')
    if (length === 0) return
    yield -length
  }
}

/**
 * The table of contents says which entries have data; each must come, each block must end, and the file
 * must end with the last one. pg_dump writes no end mark, but this is as good as one.
 */
function* readArchive(onEntry: () => void): PullBody {
  const layout = yield* readHead()
  const count = yield* readInt(layout)
  const expected = new Set<number>()
  for (let index = 0; index < count; index += 1) {
    const id = yield* readEntry(layout)
    if (id !== null) expected.add(id)
    onEntry()
  }
  while (expected.size > 0) {
    const type = (yield 1)[0]
    const id = yield* readInt(layout)
    if (type !== tableData && type !== largeObjects) throw new Damage('a data block is damaged')
    if (!expected.delete(id))
      throw new Damage('a data block belongs to no entry of its table of contents')
    if (type === tableData) yield* skipChunks(layout)
    else while ((yield* readInt(layout)) !== 0) yield* skipChunks(layout)
  }
}

/** A dump in pg_dump's custom format. */
export const inspectPgCustom: InspectorFactory = () => {
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
