import {
  Binary,
  Code,
  Decimal128,
  deserialize,
  Double,
  Int32,
  Long,
  MaxKey,
  ObjectId,
  serialize,
  Timestamp,
} from 'bson'
import { describe, expect, it } from 'vitest'

import { crc32c } from '../../../../src-main/engine/databases/mongodb/crc32c.ts'
import {
  fromOrderedJson,
  toOrderedJson,
} from '../../../../src-main/engine/databases/mongodb/ordered-json.ts'
import { BsonDamage, rawFields } from '../../../../src-main/engine/databases/mongodb/raw-bson.ts'
import { scram } from '../../../../src-main/engine/databases/mongodb/scram.ts'
import {
  decodeMessage,
  encodeMessage,
  MessageCutter,
} from '../../../../src-main/engine/databases/mongodb/wire.ts'

const everything = new Map<string, unknown>([
  ['b', new Int32(1)],
  ['7', new Double(1)],
  ['a"\\b:c', new Long(5n)],
  ['text', '"_$oid": \\" 🛟 \u0001'],
  [
    'inner',
    new Map<string, unknown>([
      ['2', 'x'],
      ['1', [new Map([['9', null]]), true, 'y:']],
    ]),
  ],
  ['price', Decimal128.fromString('NaN')],
  ['nan', new Double(NaN)],
  ['zero', new Double(-0)],
  ['at', new Date(-1e13)],
  ['id', new ObjectId('0123456789abcdef01234567')],
  ['raw', new Binary(Buffer.from([0, 255]), 0)],
  ['uuid', new Binary(Buffer.alloc(16, 7), 4)],
  ['code', new Code('return 1')],
  ['time', new Timestamp({ t: 4_000_000_000, i: 7 })],
  ['key', new MaxKey()],
  ['pattern', /a"\/b/i],
  ['operator', new Map([['$type', 'string']])],
  ['empty', new Map()],
])

describe('documents as they are', () => {
  const document = Buffer.from(serialize(everything))

  it('keeps every type and the order of names through Extended JSON', () => {
    const text = toOrderedJson(document)
    expect(() => JSON.parse(text) as unknown).not.toThrow()
    expect(text.startsWith('{"b":{"$numberInt":"1"},"7":{"$numberDouble":"1.0"}')).toBe(true)
    expect(fromOrderedJson(text).toString('hex')).toBe(document.toString('hex'))
    expect(deserialize(fromOrderedJson('{"a": 1, "b": [ ], "c": {} }'))).toEqual({
      a: 1,
      b: [],
      c: {},
    })
  })

  it('refuses what is no document', () => {
    expect(() => [...rawFields(document.subarray(0, -1))]).toThrow(BsonDamage)
    const wrong = Buffer.from(serialize({ a: 'text' }))
    wrong.writeInt32LE(1_000_000, 7)
    expect(() => [...rawFields(wrong)]).toThrow(BsonDamage)
    expect(() => fromOrderedJson('{"a": ')).toThrow(SyntaxError)
    expect(() => fromOrderedJson('[]')).toThrow(SyntaxError)
  })
})

describe('the wire protocol', () => {
  it('has the checksum that it asks for', () => {
    // RFC 3720, B.4: 32 bytes of zeros, of ones, and 0 … 31.
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
    const counting = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
    expect(crc32c(counting)).toBe(0x46dd794e)
    expect(crc32c(counting.subarray(5), crc32c(counting.subarray(0, 5)))).toBe(0x46dd794e)
  })

  it('cuts a stream into messages, wherever it is cut itself', () => {
    const bodies = [serialize({ ok: 1 }), serialize({ text: 'x'.repeat(1000) }), serialize({})]
    const stream = Buffer.concat(bodies.flatMap((body, index) => encodeMessage(index, body)))
    for (const size of [1, 3, 16, 17, 500, stream.length]) {
      const cutter = new MessageCutter()
      const found: Buffer[] = []
      for (let at = 0; at < stream.length; at += size) {
        found.push(...cutter.push(stream.subarray(at, at + size)))
      }
      expect(found.map(each => decodeMessage(each).body.toString('hex'))).toEqual(
        bodies.map(body => Buffer.from(body).toString('hex')),
      )
    }
    expect(() => new MessageCutter().push(Buffer.from('HTTP/1.1 400 Bad Request'))).toThrow(
      BsonDamage,
    )
  })

  it('finds every bit that was turned on the way', () => {
    const message = Buffer.concat(encodeMessage(1, serialize({ a: 'text', b: 5 })))
    expect(decodeMessage(message).proved).toBe(true)
    for (let at = 21; at < message.length; at += 1) {
      const turned = Buffer.from(message)
      turned[at]! ^= 4
      expect(() => decodeMessage(turned)).toThrow(BsonDamage)
    }
  })
})

describe('the login', () => {
  it('answers as RFC 7677 shows', async () => {
    const client = scram('SCRAM-SHA-256', 'user', 'pencil', 'rOprNGfwEbeRWgbNEkqO')
    expect(client.first).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
    expect(await client.final(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).toBe(
      `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    )
    client.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
    expect(() => client.verify('v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).toThrow('prove')
  })

  it('refuses a server that makes it easy', async () => {
    const client = scram('SCRAM-SHA-256', 'a=b,c', 'x', 'nonce')
    expect(client.first).toBe('n,,n=a=3Db=2Cc,r=nonce')
    await expect(client.final('r=other,s=AAAA,i=4096')).rejects.toThrow()
    await expect(client.final('r=nonceX,s=AAAA,i=1')).rejects.toThrow()
  })
})
