import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { zstdCompressSync } from 'node:zlib'

import { beforeEach, describe, expect, it } from 'vitest'

import { openArtifact } from '../../../src-main/engine/store/artifact-reader.ts'
import type { Repository } from '../../../src-main/engine/store/repository.ts'
import type { SnapshotWriter } from '../../../src-main/engine/store/snapshot-writer.ts'
import { bytesSource, failure, newRepository, sha256, spec, tarOf } from './support.ts'

let repository: Repository
let writer: SnapshotWriter

beforeEach(async () => {
  repository = await newRepository()
  writer = await repository.begin({
    host: 'local',
    stack: 'app',
    time: new Date(),
    purpose: 'test',
  })
})

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(each => each.isFile())
    .map(each => path.relative(folder, path.join(each.parentPath, each.name)))
}

async function plainOf(record: Parameters<typeof openArtifact>[1], raw = false): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of openArtifact(writer.folder, record, { raw }))
    chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Small enough to be read back at once, and large enough to need the thread. */
const tars = {
  small: tarOf({ 'a.txt': 'alpha', 'b/c.txt': 'gamma' }),
  large: tarOf({ 'random.bin': randomBytes(5_000_000), 'text.txt': 'word '.repeat(800_000) }),
}

describe.each(Object.entries(tars))('store/add-artifact: a %s archive', (_size, tar) => {
  it('stores a plain stream compressed, proves it, and gives it back', async () => {
    let seen = [0, 0]
    const onBytes = (plain: number, stored: number) => {
      expect(plain).toBeGreaterThanOrEqual(seen[0] ?? 0)
      seen = [plain, stored]
    }
    const record = await writer.addArtifact(spec({ onBytes }), bytesSource(tar))
    expect(record).toMatchObject({
      path: 'volumes/files.tar.zst',
      name: 'volumes/files.tar',
      codec: 'zstd',
      plain: { bytes: tar.length, sha256: sha256(tar) },
      index: 'volumes/files.tar.index.jsonl.zst',
    })
    const stored = readFileSync(path.join(writer.folder, record.path))
    expect(record.stored).toEqual({ bytes: stored.length, sha256: sha256(stored) })
    expect(seen).toEqual([tar.length, stored.length])
    expect(await plainOf(record)).toEqual(tar)
    expect(await plainOf(record, true)).toEqual(stored)
    expect(
      execFileSync('zstd', ['-dc', path.join(writer.folder, record.path)], { maxBuffer: 1 << 30 }),
    ).toEqual(tar)
    const index = execFileSync('zstd', ['-dc', path.join(writer.folder, record.index ?? '')])
    expect(index.toString().trim().split('\n')).toHaveLength(record.entries ?? 0)
    expect(statSync(path.join(writer.folder, record.path)).mode & 0o777).toBe(0o600)
  })

  it('stores what the source compressed as it comes', async () => {
    const wire = Buffer.concat([
      zstdCompressSync(tar.subarray(0, 1000)),
      zstdCompressSync(tar.subarray(1000)),
    ])
    const source = bytesSource(wire, { encoding: 'zstd', proof: { plainBytes: tar.length } })
    const record = await writer.addArtifact(spec(), source)
    expect(record.stored).toEqual({ bytes: wire.length, sha256: sha256(wire) })
    expect(record.plain).toEqual({ bytes: tar.length, sha256: sha256(tar) })
    expect(await plainOf(record)).toEqual(tar)
  })

  it('stores without a codec', async () => {
    const record = await writer.addArtifact(
      spec({ codec: 'none', path: 'x.tar' }),
      bytesSource(tar),
    )
    expect(record).toMatchObject({ path: 'x.tar', codec: 'none' })
    expect(record.stored).toEqual(record.plain)
    expect(await plainOf(record)).toEqual(tar)
  })

  it('takes frames of any size', async () => {
    const record = await writer.addArtifact(
      spec(),
      bytesSource(tar, { chunk: tar.length > 100_000 ? 777 : 1 }),
    )
    expect(record.plain.sha256).toBe(sha256(tar))
  })

  describe('is refused', () => {
    const wire = zstdCompressSync(tar)
    const cut = wire.subarray(0, wire.length - 3)
    const cases: Record<
      string,
      { source: () => ReturnType<typeof bytesSource>; code: string; message: RegExp }
    > = {
      'when the command was killed': {
        source: () => bytesSource(tar, { proof: { exitCode: 137, stderr: 'Killed' } }),
        code: 'command-failed',
        message: /exit code 137/,
      },
      'when the command failed after plausible bytes': {
        source: () => bytesSource(tar, { proof: { exitCode: 1, stderr: 'pg_dump: error' } }),
        code: 'command-failed',
        message: /exit code 1\b/,
      },
      'when the engine could not tell': {
        source: () => bytesSource(tar, { proof: { exitCode: null } }),
        code: 'command-failed',
        message: /could not tell/,
      },
      'when the source says that the data is no good': {
        source: () => bytesSource(tar, { proof: { failure: 'a file vanished' } }),
        code: 'command-failed',
        message: /a file vanished/,
      },
      'when the tail was lost on the way': {
        source: () => bytesSource(tar.subarray(0, -512), { proof: { streamBytes: tar.length } }),
        code: 'stream-truncated',
        message: new RegExp(`sent ${tar.length} bytes, ${tar.length - 512} arrived`),
      },
      'when the hash on the wire differs': {
        source: () => bytesSource(tar, { proof: { streamSha256: sha256(Buffer.from('other')) } }),
        code: 'stream-corrupt',
        message: /SHA-256/,
      },
      'when tar read more than arrived': {
        source: () =>
          bytesSource(wire, { encoding: 'zstd', proof: { plainBytes: tar.length + 512 } }),
        code: 'stream-truncated',
        message: /read \d+ bytes, \d+ arrived/,
      },
      'when the source gave no figure': {
        source: () => bytesSource(tar, { bare: true }),
        code: 'stream-truncated',
        message: /no proof of completeness/,
      },
      'when nothing came': {
        source: () => bytesSource(Buffer.alloc(0)),
        code: 'stream-truncated',
        message: /Nothing arrived/,
      },
      'when an empty frame came': {
        source: () => bytesSource(zstdCompressSync(Buffer.alloc(0)), { encoding: 'zstd' }),
        code: 'stream-truncated',
        message: /no data/,
      },
      'when a frame is not whole, although the figures agree': {
        source: () => bytesSource(cut, { encoding: 'zstd' }),
        code: 'stream-truncated',
        message: /middle of a Zstandard frame/,
      },
      'when it is not Zstandard': {
        source: () => bytesSource(tar, { encoding: 'zstd' }),
        code: 'stream-corrupt',
        message: /not Zstandard/,
      },
      'when the archive has no end, although the figures agree': {
        source: () => {
          const end = tar.lastIndexOf('ustar') - 257 + 512
          return bytesSource(tar.subarray(0, end))
        },
        code: 'dump-incomplete',
        message: /end-of-archive/,
      },
      'when the proof fails': {
        source: () =>
          bytesSource(tar, { proofPromise: Promise.reject(new Error('socket hang up')) }),
        code: 'stream-truncated',
        message: /socket hang up/,
      },
    }

    it.each(Object.entries(cases))('%s', async (_why, { source, code, message }) => {
      const made = source()
      const error = await failure(writer.addArtifact(spec(), made))
      expect(error.message).toMatch(message)
      expect(error.code).toBe(code)
      expect(filesIn(writer.folder)).toEqual([])
      expect(made.aborted()).toBe(true)
      expect(await repository.list()).toEqual([])
    })

    it('when the stream breaks, and says how the command ended', async () => {
      const stream = Readable.from(
        (async function* () {
          yield tar.subarray(0, 100_000)
          await new Promise(resolve => setImmediate(resolve))
          throw Object.assign(new Error('connection reset'), { code: 'ECONNRESET' })
        })(),
        { objectMode: false },
      )
      const plain = await failure(
        writer.addArtifact(
          spec(),
          bytesSource(tar, { stream, proofPromise: new Promise(() => undefined) }),
        ),
      )
      expect(plain).toMatchObject({ code: 'stream-truncated' })
      expect(plain.message).toMatch(/connection reset/)
      expect(filesIn(writer.folder)).toEqual([])
    })

    it('when it is cancelled, at once', async () => {
      const abort = new AbortController()
      const stream = new Readable({ read: () => undefined })
      stream.push(tar.subarray(0, 50_000))
      const source = bytesSource(tar, { stream, proofPromise: new Promise(() => undefined) })
      const adding = writer.addArtifact(spec({ signal: abort.signal }), source)
      setTimeout(() => abort.abort(), 50)
      expect(await failure(adding)).toMatchObject({ code: 'interrupted' })
      expect(source.aborted()).toBe(true)
      expect(stream.destroyed).toBe(true)
      expect(filesIn(writer.folder)).toEqual([])
    })
  })
})

describe('store/add-artifact', () => {
  it('gives up a source that never says how it ended, and one that does not stop', async () => {
    const abort = new AbortController()
    const source = {
      ...bytesSource(tars.small, { proofPromise: new Promise(() => undefined) }),
      abort: () => new Promise<void>(() => undefined),
    }
    const adding = writer.addArtifact(spec({ signal: abort.signal }), source)
    setTimeout(() => abort.abort(), 100)
    const started = Date.now()
    await failure(adding)
    // 30 s for the proof, 8 s for the abort; the test allows for a busy machine.
    expect(Date.now() - started).toBeLessThan(60_000)
    expect(filesIn(writer.folder)).toEqual([])
  })

  it('keeps memory flat while the sink is slow and the source is not', async () => {
    const block = randomBytes(1024 * 1024)
    let sent = 0
    const stream = new Readable({
      highWaterMark: 64 * 1024,
      read() {
        sent += 1
        this.push(sent > 300 ? null : block)
      },
    })
    const before = process.memoryUsage().rss
    let most = 0
    const onBytes = () => {
      most = Math.max(most, process.memoryUsage().rss - before)
    }
    const proof = { exitCode: 0, streamBytes: 300 * block.length, stderr: '', warnings: [] }
    const record = await writer.addArtifact(
      spec({ content: 'bytes', codec: 'none', path: 'large.bin', onBytes }),
      bytesSource(Buffer.alloc(0), { stream, proofPromise: Promise.resolve(proof) }),
    )
    expect(record.stored.bytes).toBe(300 * block.length)
    expect(most).toBeLessThan(200 * 1024 * 1024)
  })

  it('makes names safe and keeps the real ones', async () => {
    const odd = [
      'volumes/my vol.tar',
      'volumes/My Vol.tar',
      'volumes/con.tar',
      'volumes/../../x.tar',
      'volumes/my vol.tar',
    ]
    const records = []
    for (const name of odd)
      records.push(await writer.addArtifact(spec({ path: name }), bytesSource(tars.small)))
    expect(records.map(each => each.name)).toEqual(odd)
    expect(new Set(records.map(each => each.path.toLowerCase())).size).toBe(odd.length)
    for (const each of records) expect(existsSync(path.join(writer.folder, each.path))).toBe(true)
  })

  it('runs several at once', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `volumes/${index}.tar`)
    const records = await Promise.all(
      names.map(name => writer.addArtifact(spec({ path: name }), bytesSource(tars.large))),
    )
    for (const each of records) expect(each.plain.sha256).toBe(sha256(tars.large))
  })
})
