import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { constants, zstdCompressSync } from 'node:zlib'

import { describe, expect, it } from 'vitest'

import { ZstdDecoder } from '../../../src-main/engine/lib/zstd-decoder.ts'

function chunks(bytes: Buffer, step: number): Buffer[] {
  const list: Buffer[] = []
  for (let at = 0; at < bytes.length; at += step) list.push(bytes.subarray(at, at + step))
  return list
}

async function decode(bytes: Buffer, step = 65_536): Promise<Buffer> {
  const decoder = new ZstdDecoder()
  const [plain] = await Promise.all([
    buffer(decoder),
    pipeline(Readable.from(chunks(bytes, step)), decoder),
  ])
  return plain
}

/** Half random, half repetitive: raw, compressed and run-length blocks. */
const plain = Buffer.concat([
  randomBytes(300_000),
  Buffer.from('the same again and again '.repeat(20_000)),
  Buffer.alloc(400_000, 7),
  randomBytes(1000),
])
const withChecksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }
const skippable = Buffer.from('502a4d18050000000102030405', 'hex')
const emptySkippable = Buffer.from('5f2a4d1800000000', 'hex')

const streams: [string, Buffer, Buffer][] = [
  ['one frame', zstdCompressSync(plain), plain],
  ['one frame with a checksum', zstdCompressSync(plain, withChecksum), plain],
  [
    'what the zstd command makes',
    execFileSync('zstd', ['-3', '-T0', '-c'], { input: plain }),
    plain,
  ],
  [
    'what the zstd command makes of a pipe in many threads',
    execFileSync('bash', ['-c', 'cat | zstd -1 -T4 -B512KiB -c'], { input: plain }),
    plain,
  ],
  [
    'several frames with skippable ones between',
    Buffer.concat([
      emptySkippable,
      zstdCompressSync(plain),
      skippable,
      zstdCompressSync(Buffer.alloc(0)),
      zstdCompressSync(Buffer.from('end'), withChecksum),
      skippable,
    ]),
    Buffer.concat([plain, Buffer.from('end')]),
  ],
]

describe.each(streams)('lib/zstd-decoder: %s', (_name, stored, expected) => {
  it('decodes, however it is cut into chunks', async () => {
    for (const step of [stored.length, 65_536, 1021]) {
      expect((await decode(stored, step)).equals(expected)).toBe(true)
    }
  })

  it('refuses to end inside a frame', async () => {
    const cuts = [1, 3, 4, 5, 9, stored.length - 1, stored.length - 4]
    for (let border = 65_536; border < stored.length; border += 65_536) cuts.push(border)
    for (let round = 0; round < 30; round += 1)
      cuts.push(1 + Math.floor(Math.random() * (stored.length - 2)))
    for (const cut of cuts) {
      const result = await decode(stored.subarray(0, cut)).then(
        each => each.length,
        (error: unknown) => error,
      )
      // Between two frames a cut cannot be seen here; the sizes in the manifest tell.
      if (typeof result === 'number') expect(stored.includes(skippable)).toBe(true)
      else expect(String(result)).toMatch(/frame/)
    }
  })
})

describe('lib/zstd-decoder', () => {
  it('takes single bytes', async () => {
    const small = Buffer.concat([
      zstdCompressSync(Buffer.from('one')),
      skippable,
      zstdCompressSync(Buffer.from('two')),
    ])
    expect((await decode(small, 1)).toString()).toBe('onetwo')
  })

  it('refuses other data, nothing at all, and what follows a frame', async () => {
    const frame = zstdCompressSync(Buffer.from('data'))
    await expect(decode(Buffer.from('this is text, not a frame'))).rejects.toThrow(/not Zstandard/)
    await expect(decode(Buffer.alloc(0))).rejects.toThrow(/no Zstandard frame/)
    await expect(decode(Buffer.concat([frame, Buffer.from('rubbish')]))).rejects.toThrow(
      /bytes follow/,
    )
  })

  it('refuses flipped bits by the checksum of the frame', async () => {
    const stored = zstdCompressSync(plain, withChecksum)
    for (let round = 0; round < 40; round += 1) {
      const other = Buffer.from(stored)
      const at = 12 + Math.floor(Math.random() * (other.length - 12))
      other[at] = (other[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
      const result = await decode(other).catch(() => null)
      // A flip in unused bits gives the same plain bytes; the hash of the stored bytes tells.
      if (result !== null) expect(result.equals(plain)).toBe(true)
    }
  })

  it('keeps little in memory however much a small input holds', async () => {
    const zeros = Buffer.alloc(64 * 1024 * 1024)
    const stored = Buffer.concat(Array.from({ length: 8 }, () => zstdCompressSync(zeros)))
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    let bytes = 0
    for await (const chunk of Readable.from(chunks(stored, 65_536)).compose(new ZstdDecoder())) {
      bytes += (chunk as Buffer).length
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(bytes).toBe(512 * 1024 * 1024)
    expect(most).toBeLessThan(200 * 1024 * 1024)
  })
})
