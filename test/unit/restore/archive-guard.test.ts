import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, zstdCompressSync } from 'node:zlib'

import { pack } from 'tar-stream'
import { describe, expect, it } from 'vitest'

import { AppError } from '../../../src-main/contract/errors.ts'
import {
  type ArchiveFacts,
  ArchiveGuard,
} from '../../../src-main/engine/restore/tree/archive-guard.ts'

interface Member {
  readonly name: string
  readonly type?: 'file' | 'directory' | 'symlink' | 'link'
  readonly linkname?: string
  readonly content?: string | Buffer
}

async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const packer = pack()
  const chunks: Buffer[] = []
  const read = (async () => {
    for await (const chunk of packer) chunks.push(chunk as Buffer)
  })()
  for (const { name, type = 'file', linkname, content = '' } of members) {
    packer.entry({ name, type, ...(linkname === undefined ? {} : { linkname }) }, content)
  }
  packer.finalize()
  await read
  return Buffer.concat(chunks)
}

/** Many small frames, so that a member's header and its neighbours travel apart. */
function inFrames(tar: Buffer, size: number): Buffer {
  const frames: Buffer[] = []
  for (let at = 0; at < tar.length; at += size) {
    frames.push(
      zstdCompressSync(tar.subarray(at, at + size), {
        params: { [constants.ZSTD_c_checksumFlag]: 1 },
      }),
    )
  }
  return Buffer.concat(frames)
}

interface Passed {
  readonly bytes: Buffer
  readonly facts: ArchiveFacts
  readonly error: unknown
}

async function pass(
  bytes: Buffer,
  codec: 'zstd' | 'none',
  chunkSize: number,
  only: string | null = null,
): Promise<Passed> {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunkSize)
    chunks.push(bytes.subarray(at, at + chunkSize))
  const guard = new ArchiveGuard(codec, only)
  const passed: Buffer[] = []
  let error: unknown = null
  try {
    await pipeline(
      Readable.from(chunks),
      guard,
      new PassThrough(),
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          passed.push(chunk)
          done()
        },
      }),
    )
  } catch (caught) {
    error = caught
  }
  return { bytes: Buffer.concat(passed), facts: guard.facts, error }
}

const good: readonly Member[] = [
  { name: './', type: 'directory' },
  { name: './a b', content: Buffer.alloc(300_000, 'x') },
  { name: './link', type: 'symlink', linkname: '/etc/passwd' },
  { name: './up', type: 'symlink', linkname: '../../..' },
  { name: './sub/', type: 'directory' },
  { name: './sub/hard', type: 'link', linkname: './a b' },
  { name: './..hidden', content: 'fine' },
]

describe('restore/archive-guard', () => {
  it.each([
    ['plain', 'none', 65536],
    ['one frame', 'zstd', 65536],
    ['one byte at a time', 'zstd', 1],
    ['many frames', 'zstd', 700],
  ] as const)('lets a sound archive pass unchanged: %s', async (how, codec, chunkSize) => {
    const tar = await tarOf(good)
    const stored =
      codec === 'none' ? tar : how === 'many frames' ? inFrames(tar, 1000) : zstdCompressSync(tar)
    const { bytes, facts, error } = await pass(stored, codec, chunkSize)
    expect(error).toBeNull()
    expect(bytes.equals(stored)).toBe(true)
    expect(facts).toEqual({ entries: 7, paths: 6, fileBytes: 300_004, hasRoot: true })
  })

  const bad: readonly (readonly [string, readonly Member[]])[] = [
    ['a path with ..', [{ name: './x/../../y', content: 'EVIL' }]],
    ['a path that is ..', [{ name: '..', type: 'directory' }]],
    ['an absolute path', [{ name: '/etc/EVIL', content: 'EVIL' }]],
    [
      'writing through a symbolic link',
      [
        { name: './a', type: 'symlink', linkname: '../..' },
        { name: './a/EVIL', content: 'EVIL' },
      ],
    ],
    [
      'writing deep through a symbolic link',
      [
        { name: './d/', type: 'directory' },
        { name: './d/a', type: 'symlink', linkname: '/' },
        { name: './d/a/b/c', content: 'EVIL' },
      ],
    ],
    [
      'replacing a symbolic link',
      [
        { name: './a', type: 'symlink', linkname: '/etc/passwd' },
        { name: './a', content: 'EVIL' },
      ],
    ],
    ['a hard link to the outside', [{ name: './a', type: 'link', linkname: '/etc/shadow' }]],
    ['a hard link upwards', [{ name: './a', type: 'link', linkname: './b/../../c' }]],
    [
      'a hard link through a symbolic link',
      [
        { name: './a', type: 'symlink', linkname: '/etc' },
        { name: './b', type: 'link', linkname: './a/shadow' },
      ],
    ],
  ]

  it.each(bad)('stops before the header of %s', async (_, members) => {
    const before = [
      { name: './', type: 'directory' } as const,
      { name: './big', content: Buffer.alloc(20_000, 'b') },
    ]
    const tar = await tarOf([...before, ...members])
    for (const [stored, codec] of [
      [tar, 'none'],
      [inFrames(tar, 512), 'zstd'],
      [zstdCompressSync(tar), 'zstd'],
    ] as const) {
      const { bytes, error } = await pass(stored, codec, 512)
      expect(error).toBeInstanceOf(AppError)
      expect((error as AppError).code).toBe('unsafe-archive')
      // The last member of each list is the one that must not get through.
      const last = tar.lastIndexOf(Buffer.from('ustar')) - 257
      if (codec === 'none') expect(bytes.length).toBeLessThanOrEqual(last)
      expect(bytes.length).toBeLessThan(stored.length)
    }
  })

  it('refuses anything but the one file that is expected', async () => {
    const tar = await tarOf([{ name: './config.php', content: 'x' }])
    expect((await pass(tar, 'none', 100, 'config.php')).error).toBeNull()
    expect((await pass(tar, 'none', 100, 'other.php')).error).toMatchObject({
      code: 'unsafe-archive',
    })
  })

  it('fails on archives that are cut at any block, in any codec', async () => {
    const tar = await tarOf(good.slice(0, 1).concat({ name: './f', content: 'y'.repeat(3000) }))
    for (let at = 0; at < tar.length - 1024; at += 512) {
      const { error } = await pass(tar.subarray(0, at), 'none', 4096)
      expect(error).toMatchObject({ code: 'stream-corrupt' })
    }
    const stored = inFrames(tar, 1024)
    for (let at = 0; at < stored.length; at += 1) {
      const { error } = await pass(stored.subarray(0, at), 'zstd', 64)
      expect(error).toMatchObject({ code: 'stream-corrupt' })
    }
  })

  it('fails at a damaged header instead of looking for the next one, as tar would', async () => {
    const tar = await tarOf([
      { name: './one', content: 'x' },
      { name: '/EVIL', content: 'x' },
    ])
    tar[10] = 99
    const { bytes, error } = await pass(tar, 'none', 512)
    expect(error).toMatchObject({ code: 'stream-corrupt' })
    expect(bytes.length).toBe(0)
  })

  it('fails when data follows the end of the archive', async () => {
    const tar = await tarOf([{ name: './one', content: 'x' }])
    const evil = await tarOf([{ name: '/EVIL', content: 'x' }])
    const { bytes, error } = await pass(Buffer.concat([tar, evil]), 'none', 512)
    expect(error).toMatchObject({ code: 'stream-corrupt' })
    expect(bytes.includes('EVIL')).toBe(false)
  })
})
