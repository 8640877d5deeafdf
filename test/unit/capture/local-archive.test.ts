import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { archiveLocally } from '../../../src-main/engine/capture/local-archive.ts'

let home = ''
let folder = ''

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'lifeboat-local-'))
  folder = path.join(home, 'data')
  mkdirSync(folder)
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

async function packed(
  leaveOut: readonly string[] = [],
  root = folder,
  fileName: string | null = null,
) {
  const archive = archiveLocally({ root, fileName, leaveOut, signal: new AbortController().signal })
  const chunks: Buffer[] = []
  for await (const chunk of archive.stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return { bytes: Buffer.concat(chunks), proof: await archive.proof }
}

/** Unpacks with GNU tar, so that the archive is judged by somebody else. */
function unpack(bytes: Buffer): string {
  const to = mkdtempSync(path.join(home, 'out-'))
  execFileSync('tar', ['-xpf', '-', '-C', to, '--numeric-owner'], { input: bytes })
  return to
}

function listing(of: string): string {
  const format = String.raw`%P|%y|%m|%U|%G|%s|%T@|%l\n`
  const found = spawnSync('find', [of, '-mindepth', '1', '-printf', format])
  return String(found.stdout)
    .split('\n')
    .filter(line => !/\|d\|/.test(line))
    .toSorted()
    .join('\n')
}

describe('packing without a tar', () => {
  it('keeps what GNU tar keeps of plain trees', async () => {
    mkdirSync(path.join(folder, 'sub', 'empty'), { recursive: true })
    writeFileSync(path.join(folder, 'large'), Buffer.alloc(1_000_001, 'abc'))
    writeFileSync(path.join(folder, 'none'), '')
    writeFileSync(path.join(folder, 'new\nline and ü'), 'x')
    writeFileSync(path.join(folder, 'long'.repeat(60)), 'y')
    linkSync(path.join(folder, 'large'), path.join(folder, 'sub', 'hard'))
    symlinkSync('/nowhere', path.join(folder, 'dangling'))
    execFileSync('mkfifo', [path.join(folder, 'pipe')])
    writeFileSync(path.join(folder, 'locked'), 'secret')
    chmodSync(path.join(folder, 'locked'), 0)
    writeFileSync(path.join(folder, 'setuid'), 'bits')
    chownSync(path.join(folder, 'setuid'), 3_000_000, 70_000)
    chmodSync(path.join(folder, 'setuid'), 0o4751)
    writeFileSync(path.join(folder, 'old'), 'old')
    utimesSync(path.join(folder, 'old'), -12_345.25, -12_345.25)
    writeFileSync(path.join(folder, 'far'), 'far')
    utimesSync(path.join(folder, 'far'), 5_000_000_000.5, 5_000_000_000.5)
    const { bytes, proof } = await packed()
    expect(proof).toMatchObject({
      exitCode: 0,
      streamBytes: bytes.length,
      streamSha256: createHash('sha256').update(bytes).digest('hex'),
      unsteadyFiles: 0,
    })
    const out = unpack(bytes)
    expect(listing(out)).toBe(listing(folder))
    expect(statSync(path.join(out, 'large')).ino).toBe(statSync(path.join(out, 'sub/hard')).ino)
    expect(existsSync(path.join(out, 'sub/empty'))).toBe(true)
    expect(readFileSync(path.join(out, 'large'))).toEqual(readFileSync(path.join(folder, 'large')))
  })

  it('leaves out what it is told to, and leftovers of a restore', async () => {
    mkdirSync(path.join(folder, 'sub'))
    mkdirSync(path.join(folder, '.lifeboat-x'))
    for (const name of ['a', 'a*', 'sub/a', 'sub/b', '.lifeboat-x/y']) {
      writeFileSync(path.join(folder, name), name)
    }
    const { bytes } = await packed(['a*', 'sub/a'])
    expect(listing(unpack(bytes)).replaceAll(/\|.*/g, '').trim().split('\n')).toEqual([
      'a',
      'sub/b',
    ])
  })

  it('packs a single file under the name it is given', async () => {
    writeFileSync(path.join(folder, 'x'), 'content')
    const { bytes } = await packed([], path.join(folder, 'x'), 'config.php')
    expect(readFileSync(path.join(unpack(bytes), 'config.php'), 'utf8')).toBe('content')
  })

  it('names sockets that it passes over', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(path.join(folder, 'sock'), resolve))
    const { proof } = await packed()
    server.close()
    expect(proof.warnings.join()).toContain('Sockets were left out, they hold no data: sock.')
  })

  it.each([
    ['grows', (file: string) => appendFileSync(file, 'more')],
    ['shrinks', (file: string) => truncateSync(file, 10)],
  ])('keeps the archive whole when a file %s meanwhile, and says so', async (_, change) => {
    const file = path.join(folder, 'large')
    writeFileSync(file, Buffer.alloc(8_000_000, 1))
    const signal = new AbortController().signal
    const archive = archiveLocally({ root: folder, fileName: null, leaveOut: [], signal })
    const chunks: Buffer[] = []
    for await (const chunk of archive.stream as AsyncIterable<Buffer>) {
      if (chunks.length === 1) change(file)
      chunks.push(chunk)
    }
    const proof = await archive.proof
    expect(proof).toMatchObject({ exitCode: 0, unsteadyFiles: 1 })
    expect(proof.warnings.join()).toContain('Changed or vanished while being read: large.')
    expect(statSync(path.join(unpack(Buffer.concat(chunks)), 'large')).size).toBe(8_000_000)
  })

  it('fails when the folder is gone', async () => {
    const signal = new AbortController().signal
    const root = path.join(home, 'gone')
    const archive = archiveLocally({ root, fileName: null, leaveOut: [], signal })
    archive.stream.on('error', () => undefined).resume()
    expect((await archive.proof).failure).toContain('ENOENT')
  })

  it('stops when it is told to', async () => {
    writeFileSync(path.join(folder, 'large'), Buffer.alloc(8_000_000, 1))
    const signal = new AbortController().signal
    const archive = archiveLocally({ root: folder, fileName: null, leaveOut: [], signal })
    archive.stream.on('error', () => undefined)
    archive.stream.read(1)
    await archive.abort()
    expect((await archive.proof).exitCode).not.toBe(0)
  })
})
