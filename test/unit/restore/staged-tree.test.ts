import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { AppError } from '../../../src-main/contract/errors.ts'
import type { HelperTools } from '../../../src-main/engine/hosts/helper.ts'
import { thisComputer } from '../../../src-main/engine/lib/run-local.ts'
import type { FilePart } from '../../../src-main/engine/restore/tree/put-file.ts'
import type { ArchivePart } from '../../../src-main/engine/restore/tree/staged-tree.ts'
import { stageTree } from '../../../src-main/engine/restore/tree/staged-tree.ts'
import type { TreeScope, TreeTarget } from '../../../src-main/engine/restore/tree/tree-place.ts'

const tools: HelperTools = {
  tar: 'gnu',
  zstd: true,
  sha256: 'sha256sum',
  shell: true,
  find: 'gnu',
  getfattr: false,
  socketClient: null,
}

const isRoot = process.getuid?.() === 0

let base: string
let live: string
let source: string

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'staged-'))
  live = path.join(base, 'live')
  source = path.join(base, 'source')
  mkdirSync(live, { mode: 0o755 })
  mkdirSync(source, { mode: 0o750 })
  writeFileSync(path.join(live, 'old file'), 'old')
  writeFileSync(path.join(live, 'both'), 'old')
  utimesSync(live, 1_000_000_000, 1_000_000_000.125)
  writeFileSync(path.join(source, 'both'), 'new')
  writeFileSync(path.join(source, '-n\new'), 'odd', { mode: 0o4711 })
  linkSync(path.join(source, 'both'), path.join(source, 'hard'))
  symlinkSync('../../etc', path.join(source, 'up'))
  mkdirSync(path.join(source, 'empty', 'deeper'), { recursive: true })
  writeFileSync(path.join(source, 'sparse'), 'start')
  truncateSync(path.join(source, 'sparse'), 50_000_000)
  utimesSync(path.join(source, 'empty'), 1, 1.5)
  chmodSync(path.join(source, 'empty'), 0o1777)
  utimesSync(source, 1_100_000_000, 1_100_000_000.25)
})

afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

function target(scope: TreeScope, withZstd = true): TreeTarget {
  return {
    at: {
      place: thisComputer,
      tools: { ...tools, zstd: withZstd },
      mount: live,
      keepsOwners: isRoot,
    },
    folder: '',
    workName: '.lifeboat-t',
    scope,
  }
}

const everything: TreeScope = { kind: 'all', keep: [] }

function archiveOf(folder: string, change: (stored: Buffer) => Buffer = each => each): ArchivePart {
  const tar = execFileSync(
    'tar',
    ['--create', '--format=pax', '--sparse', '--xattrs', '--acls', '-C', folder, '.'],
    { maxBuffer: 1 << 30 },
  )
  const stored = change(execFileSync('zstd', ['-qc'], { input: tar, maxBuffer: 1 << 30 }))
  return {
    codec: 'zstd',
    plainBytes: tar.length,
    entries: null,
    open: () => Readable.from([stored]),
  }
}

function lines(folder: string): readonly string[] {
  const found: string[] = []
  function walk(relative: string): void {
    const full = path.join(folder, relative)
    const info = lstatSync(full)
    const mode = (info.mode & 0o7777).toString(8)
    if (info.isSymbolicLink()) found.push(`${relative} -> ${readlinkSync(full)}`)
    else if (info.isDirectory()) {
      found.push(`${relative}/ ${mode} ${info.mtimeMs}`)
      for (const name of readdirSync(full).sort()) walk(path.join(relative, name))
    } else {
      const hash = createHash('sha256').update(readFileSync(full)).digest('hex')
      found.push(`${relative} ${mode} ${info.nlink} ${info.mtimeMs} ${hash}`)
    }
  }
  walk('')
  return found
}

function filePart(name: string, content: string, extra: Partial<FilePart> = {}): FilePart {
  const bytes = Buffer.from(content)
  return {
    path: name,
    kind: 'file',
    linkTarget: null,
    mode: null,
    owner: null,
    modified: null,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    open: () => Readable.from([bytes]),
    ...extra,
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (caught: unknown) => caught,
  )
  return error instanceof AppError ? error.code : String(error)
}

describe('restore/staged-tree', () => {
  it.each([true, false])(
    'stages, switches and finishes (zstd at the place: %s)',
    async withZstd => {
      const wanted = lines(source)
      const before = lines(live)
      const seen: number[] = []
      const staged = await stageTree({
        target: target(everything, withZstd),
        archive: archiveOf(source),
        files: [],
        signal: new AbortController().signal,
        onBytes: bytes => seen.push(bytes),
      })
      expect(staged.checks.every(each => each.ok)).toBe(true)
      expect(staged.checks.find(each => each.name === 'file bytes')?.actual).toBe('50000006')
      expect(seen.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(8000)
      expect(
        lines(live)
          .filter(line => !line.startsWith('.lifeboat'))
          .slice(1),
      ).toEqual(before.slice(1))
      await staged.activate()
      await staged.finalize()
      expect(lines(live)).toEqual(wanted)
      expect(lstatSync(path.join(live, 'sparse')).blocks).toBeLessThan(1000)
    },
  )

  it('leaves no trace when the archive is damaged, cut, unsafe, or does not fit', async () => {
    const before = lines(live)
    const flip = (stored: Buffer): Buffer => {
      const copy = Buffer.from(stored)
      copy[Math.floor(copy.length / 2)] = (copy[Math.floor(copy.length / 2)] ?? 0) ^ 0x20
      return copy
    }
    const common = {
      target: target(everything),
      files: [],
      signal: new AbortController().signal,
      onBytes: () => undefined,
    }
    const sound = archiveOf(source)
    const cases: readonly (readonly [ArchivePart, string])[] = [
      [archiveOf(source, flip), 'stream-corrupt'],
      [archiveOf(source, stored => stored.subarray(0, stored.length - 9)), 'stream-corrupt'],
      [{ ...sound, plainBytes: Number.MAX_SAFE_INTEGER }, 'not-enough-space'],
      [{ ...sound, entries: 3 }, 'restore-failed'],
    ]
    for (const [archive, code] of cases) {
      expect(await codeOf(stageTree({ ...common, archive }))).toBe(code)
      expect(lines(live)).toEqual(before)
    }
    const failing: ArchivePart = {
      ...sound,
      open: () =>
        Readable.from(
          (function* () {
            yield Buffer.alloc(3, 0x28)
            throw new AppError('stream-corrupt', { message: 'hash', state: '', hint: '' })
          })(),
        ),
    }
    expect(await codeOf(stageTree({ ...common, archive: failing }))).toBe('stream-corrupt')
    expect(lines(live)).toEqual(before)
  })

  it('stops at once when it is cancelled, and leaves no trace', async () => {
    const before = lines(live)
    const abort = new AbortController()
    const sound = archiveOf(source)
    let isFirst = true
    const stalling = new Readable({
      read() {
        if (!isFirst) return
        isFirst = false
        this.push(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))
        setTimeout(() => abort.abort(), 50)
      },
    })
    const endless: ArchivePart = { ...sound, open: () => stalling }
    const work = stageTree({
      target: target(everything),
      archive: endless,
      files: [],
      signal: abort.signal,
      onBytes: () => undefined,
    })
    expect(await codeOf(work)).toBe('interrupted')
    expect(lines(live)).toEqual(before)
  })

  it('puts single files over an archive and beside others, with owner, mode and time', async () => {
    writeFileSync(path.join(source, 'app.db-wal'), 'stale')
    const staged = await stageTree({
      target: target(everything),
      archive: archiveOf(source),
      files: [
        filePart('app.db', 'database', { mode: 0o640, modified: '2020-01-02T03:04:05.000Z' }),
        filePart('both', 'overlaid'),
      ],
      signal: new AbortController().signal,
      onBytes: () => undefined,
    })
    await staged.activate()
    await staged.finalize()
    expect(readFileSync(path.join(live, 'app.db'), 'utf8')).toBe('database')
    expect(lstatSync(path.join(live, 'app.db')).mode & 0o7777).toBe(0o640)
    expect(lstatSync(path.join(live, 'app.db')).mtime.toISOString()).toBe(
      '2020-01-02T03:04:05.000Z',
    )
    expect(existsSync(path.join(live, 'app.db-wal'))).toBe(false)
    expect(readFileSync(path.join(live, 'both'), 'utf8')).toBe('overlaid')
  })

  it('replaces an SQLite file with its logs, keeps its mode, and gives all of it back', async () => {
    for (const [name, content] of [
      ['app.db', 'live'],
      ['app.db-wal', 'log'],
      ['app.db-shm', 'index'],
    ] as const) {
      writeFileSync(path.join(live, name), content, { mode: 0o604 })
    }
    const before = lines(live)
    const names = ['app.db', 'app.db-wal', 'app.db-shm', 'app.db-journal']
    const staged = await stageTree({
      target: target({ kind: 'only', names }),
      archive: null,
      files: [filePart('app.db', 'restored')],
      signal: new AbortController().signal,
      onBytes: () => undefined,
    })
    await staged.activate()
    expect(readFileSync(path.join(live, 'app.db'), 'utf8')).toBe('restored')
    expect(lstatSync(path.join(live, 'app.db')).mode & 0o7777).toBe(0o604)
    expect(existsSync(path.join(live, 'app.db-wal'))).toBe(false)
    expect(readFileSync(path.join(live, 'old file'), 'utf8')).toBe('old')
    await staged.revert()
    expect(lines(live).slice(1)).toEqual(before.slice(1))
  })

  it('puts symbolic links back, also over a file', async () => {
    const staged = await stageTree({
      target: target({ kind: 'only', names: ['both', 'new-link'] }),
      archive: null,
      files: [
        filePart('both', '', { kind: 'symlink', linkTarget: 'old file' }),
        filePart('new-link', '', { kind: 'symlink', linkTarget: '/a\nb\n' }),
      ],
      signal: new AbortController().signal,
      onBytes: () => undefined,
    })
    await staged.activate()
    await staged.finalize()
    expect(readlinkSync(path.join(live, 'both'))).toBe('old file')
    expect(readlinkSync(path.join(live, 'new-link'))).toBe('/a\nb\n')
  })

  it('fails when what arrived has another hash, and leaves no trace', async () => {
    const before = lines(live)
    const work = stageTree({
      target: target({ kind: 'only', names: ['both'] }),
      archive: null,
      files: [filePart('both', 'new', { sha256: '0'.repeat(64) })],
      signal: new AbortController().signal,
      onBytes: () => undefined,
    })
    expect(await codeOf(work)).toBe('restore-failed')
    expect(lines(live)).toEqual(before)
  })

  it('gives owners back', ({ skip }) => {
    if (!isRoot) skip('owners can be changed by root alone')
    spawnSync('chown', ['-R', '70000:70001', source])
    return stageTree({
      target: target(everything),
      archive: archiveOf(source),
      files: [filePart('both', 'x', { owner: { uid: 12, gid: 34 } })],
      signal: new AbortController().signal,
      onBytes: () => undefined,
    }).then(async staged => {
      await staged.activate()
      await staged.finalize()
      expect(lstatSync(live).uid).toBe(70000)
      expect(lstatSync(path.join(live, 'empty', 'deeper')).gid).toBe(70001)
      expect(lstatSync(path.join(live, 'both')).gid).toBe(34)
    })
  })
})
