import { Readable } from 'node:stream'

import { Binary, Decimal128, Double, Int32, Long, serialize, Timestamp } from 'bson'
import { describe, expect, it } from 'vitest'

import {
  type ArchiveCollection,
  type ArchiveHeader,
  namespaceBytes,
  preludeBytes,
  TERMINATOR,
  word,
} from '../../../../src-main/engine/databases/mongodb/archive-format.ts'
import {
  type ArchivePart,
  readArchive,
} from '../../../../src-main/engine/databases/mongodb/archive-reader.ts'
import { writeArchive } from '../../../../src-main/engine/databases/mongodb/archive-writer.ts'
import { inspectors } from '../../../../src-main/engine/lib/content/all.ts'
import { Crc64 } from '../../../../src-main/engine/lib/content/crc64.ts'
import { mongoArchive } from '../../lib/content/mongo-sample.ts'

const header: ArchiveHeader = { serverVersion: '6.0.5', toolVersion: 'lifeboat' }
const documents = [
  serialize({}),
  serialize({
    _id: 1,
    n: new Double(NaN),
    at: new Date(-1e12),
    price: Decimal128.fromString('1.10'),
  }),
  serialize({
    _id: Long.MAX_VALUE,
    raw: new Binary(Buffer.alloc(0)),
    text: '🛟 \0 "',
    time: new Timestamp(5n),
  }),
  serialize({ _id: 'large', text: 'x'.repeat(5_000_000) }),
].map(each => Buffer.from(each))
const collections: readonly ArchiveCollection[] = [
  { database: 'app', name: 'odd.name $"\n', type: 'collection', metadata: '{"indexes":[]}' },
  { database: 'app', name: 'empty', type: 'collection', metadata: '{}' },
  { database: 'app', name: 'view', type: 'view', metadata: '{"options":{"viewOn":"a"}}' },
  { database: 'app', name: 'series', type: 'timeseries', metadata: '{"type":"timeseries"}' },
]

async function written(): Promise<Buffer> {
  const sources = collections.map(collection => ({
    collection,
    async *documents() {
      if (collection.name.startsWith('odd')) yield* [documents.slice(0, 2), documents.slice(2)]
      if (collection.type === 'timeseries') yield documents.slice(0, 1)
      await Promise.resolve()
    },
  }))
  const chunks: Buffer[] = []
  for await (const chunk of writeArchive(header, sources)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function read(bytes: Buffer, size = 65_536): Promise<readonly ArchivePart[]> {
  function* cut() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const parts: ArchivePart[] = []
  for await (const part of readArchive(Readable.from(cut(), { objectMode: false })))
    parts.push(part)
  return parts
}

describe('the archives of mongodump', () => {
  it('has the checksum that its format asks for', () => {
    const crc = new Crc64('ecma')
    crc.update(Buffer.from('12345'))
    crc.update(Buffer.from('6789'))
    // The published check value of CRC-64/XZ, which is ECMA-182's polynomial as Go has it.
    expect(crc.digest().readBigUInt64LE()).toBe(0x995dc9bbdf1939fan)
    expect(new Crc64('ecma').digest().readBigUInt64LE()).toBe(0n)
  })

  it('reads what it wrote, byte for byte, and the store takes it for whole', async () => {
    const bytes = await written()
    const parts = await read(bytes)
    expect(parts[0]).toEqual({ kind: 'prelude', header, collections })
    const found = parts.flatMap(each =>
      each.kind === 'documents' && each.name.startsWith('odd') ? each.documents : [],
    )
    expect(Buffer.concat(found).equals(Buffer.concat(documents))).toBe(true)
    expect(found.length).toBe(documents.length)
    expect(parts.filter(each => each.kind === 'end').map(each => each.name)).toEqual([
      'odd.name $"\n',
      'empty',
      'view',
      'system.buckets.series',
    ])
    const inspector = inspectors['mongo-archive'](() => undefined)
    inspector.write(bytes)
    expect(inspector.finish()).toMatchObject({ complete: true, entries: 4 })
  })

  it('reads pieces of every size', async () => {
    const whole = await written()
    const small = whole.subarray(0, whole.indexOf('large') - 40)
    for (const size of [1, 2, 3, 5, 7, 64]) {
      await expect(read(small, size)).rejects.toThrow('breaks off')
    }
    expect((await read(whole, 1013)).length).toBeGreaterThan(5)
  })

  it('never takes a damaged archive for whole', async () => {
    const whole = await written()
    const last = whole.lastIndexOf(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    await expect(read(whole.subarray(0, last))).rejects.toThrow('breaks off')
    const lastHeader = whole.lastIndexOf('db') - 5
    await expect(read(whole.subarray(0, lastHeader))).rejects.toThrow(/series.*end/)
    const turned = Buffer.from(whole)
    turned[whole.indexOf('xxxx') + 1000]! ^= 1
    await expect(read(turned)).rejects.toThrow('checksum of app.odd')
    await expect(read(Buffer.concat([Buffer.from('PGDMP'), whole]))).rejects.toThrow('it is none')
  })

  it('reads namespaces that lie in between each other, as mongodump writes them', async () => {
    const sums = { a: new Crc64('ecma'), b: new Crc64('ecma') }
    const block = (name: 'a' | 'b', ...ids: readonly number[]): Buffer => {
      const bytes = Buffer.concat(ids.map(id => serialize({ _id: id })))
      sums[name].update(bytes)
      return Buffer.concat([namespaceBytes('app', name, null), bytes, word(TERMINATOR)])
    }
    const end = (name: 'a' | 'b'): Buffer =>
      Buffer.concat([namespaceBytes('app', name, sums[name].digest()), word(TERMINATOR)])
    const both = (['a', 'b'] as const).map(
      name => ({ database: 'app', name, type: 'collection', metadata: '' }) as const,
    )
    const bytes = [preludeBytes(header, both), block('a', 1, 2), block('b', 3), block('a', 4)]
    const parts = await read(Buffer.concat([...bytes, end('b'), end('a')]), 9)
    expect(
      parts.map(each =>
        each.kind === 'prelude'
          ? ''
          : `${each.kind} ${each.name} ${'documents' in each ? each.documents.length : ''}`,
      ),
    ).toEqual(['', 'documents a 2', 'documents b 1', 'documents a 1', 'end b ', 'end a '])
    // Checksums that were made up, as the store's own sample has them.
    await expect(read(mongoArchive())).rejects.toThrow('checksum of app.chats')
  })

  it('writes what the format says, byte for byte', async () => {
    const chunks: Buffer[] = []
    const one = Buffer.from(serialize({ a: new Int32(1) }))
    const source = {
      collection: { database: 'd', name: 'c', type: 'collection', metadata: '{}' } as const,
      async *documents() {
        yield [one]
        await Promise.resolve()
      },
    }
    for await (const chunk of writeArchive(header, [source])) chunks.push(chunk)
    const crc = new Crc64('ecma')
    crc.update(one)
    const end = Buffer.from('ffffffff', 'hex')
    expect(Buffer.concat(chunks).toString('hex')).toBe(
      Buffer.concat([
        Buffer.from('6de29981', 'hex'),
        serialize({
          concurrent_collections: 1,
          version: '0.1',
          server_version: '6.0.5',
          tool_version: 'lifeboat',
        }),
        serialize({ db: 'd', collection: 'c', metadata: '{}', size: 0, type: 'collection' }),
        end,
        serialize({ db: 'd', collection: 'c', EOF: false, CRC: Long.ZERO }),
        one,
        end,
        serialize({
          db: 'd',
          collection: 'c',
          EOF: true,
          CRC: Long.fromBytesLE([...crc.digest()]),
        }),
        end,
      ]).toString('hex'),
    )
  })
})
