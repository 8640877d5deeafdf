import { execFileSync } from 'node:child_process'
import {
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'

import { pack } from 'tar-stream'
import { describe, expect, it } from 'vitest'

import { extractFiles } from '../../../src-main/engine/store/extract.ts'
import {
  extractTargets,
  isInside,
  planExtract,
} from '../../../src-main/engine/store/extract-plan.ts'
import { listFiles } from '../../../src-main/engine/store/files.ts'
import type { Repository } from '../../../src-main/engine/store/repository.ts'
import { failure, makeSnapshot, newRepository, temporaryFolder } from './support.ts'

const signal = new AbortController().signal

async function snapshotOf(tar: Buffer): Promise<{
  repository: Repository
  folder: string
  manifest: Awaited<ReturnType<Repository['readManifest']>>
}> {
  const repository = await newRepository()
  const id = await makeSnapshot(repository, { tar })
  return {
    repository,
    folder: repository.folderOf(id),
    manifest: await repository.readManifest(id),
  }
}

function sampleTree(): Buffer {
  const tree = temporaryFolder()
  mkdirSync(path.join(tree, 'photos/2026/empty'), { recursive: true })
  writeFileSync(path.join(tree, 'photos/2026/a.jpg'), 'A'.repeat(2_000_000), { mode: 0o640 })
  utimesSync(path.join(tree, 'photos/2026/a.jpg'), 1_000_000_000, 1_000_000_000)
  writeFileSync(path.join(tree, 'photos/b \n;$(touch canary).jpg'), 'B')
  writeFileSync(path.join(tree, 'z.txt'), 'Z')
  linkSync(path.join(tree, 'photos/2026/a.jpg'), path.join(tree, 'hard.jpg'))
  symlinkSync('2026/a.jpg', path.join(tree, 'photos/inside'))
  symlinkSync('../../etc/passwd', path.join(tree, 'photos/outside'))
  symlinkSync('/etc/passwd', path.join(tree, 'photos/absolute'))
  execFileSync('mkfifo', [path.join(tree, 'photos/pipe')])
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/bad-`), Buffer.from([0xff])]), 'not text')
  const sparse = openSync(path.join(tree, 'sparse'), 'w')
  writeSync(sparse, 'begin', 0)
  writeSync(sparse, 'middle', 3_000_000)
  ftruncateSync(sparse, 5_000_000_000)
  return execFileSync('tar', ['--format=pax', '-S', '--sort=name', '-C', tree, '-cf', '-', '.'], {
    maxBuffer: 1 << 28,
  })
}

async function evil(
  members: readonly { name: string; type?: 'file' | 'symlink' | 'link'; linkname?: string }[],
): Promise<Buffer> {
  const archive = pack()
  for (const { type = 'file', ...header } of members)
    archive.entry({ ...header, type }, type === 'file' ? 'payload' : '')
  archive.finalize()
  return await buffer(archive)
}

describe('store/files', () => {
  it('lists folders, pages and searches', async () => {
    const { folder, manifest } = await snapshotOf(sampleTree())
    const list = (query: Parameters<typeof listFiles>[3]) =>
      listFiles(folder, manifest, 'volume:files', query)
    const top = await list({})
    expect(top.entries.map(each => each.path)).toEqual(
      ['photos', 'bad-\udcff', 'hard.jpg', 'sparse', 'z.txt'].toSorted((a, b) =>
        a === 'photos' ? -1 : b === 'photos' ? 1 : 0,
      ),
    )
    expect((await list({ folder: 'photos' })).entries.map(each => each.path)).toContain(
      'photos/2026',
    )
    expect((await list({ folder: '/photos/2026/' })).entries.map(each => each.path)).toEqual([
      'photos/2026/empty',
      'photos/2026/a.jpg',
    ])
    expect(await list({ folder: 'phot' })).toEqual({ total: 0, entries: [] })
    const page = await list({ offset: 1, limit: 2 })
    expect(page).toEqual({ total: top.total, entries: top.entries.slice(1, 3) })
    expect((await list({ search: 'A.JPG' })).entries.map(each => each.path)).toEqual([
      'photos/2026/a.jpg',
    ])
    expect((await list({ search: '\n;$(' })).total).toBe(1)
    expect((await list({ search: '\udcff' })).total).toBe(1)
    expect((await list({ search: '"' })).total).toBe(0)
    expect((await list({ search: 'n' })).entries.map(each => each.path)).not.toContain('.')
    expect(
      await failure(list({}).then(() => listFiles(folder, manifest, 'volume:none', {}))),
    ).toMatchObject({ code: 'unknown-item' })
  })

  it('shows folders that have no entry of their own', async () => {
    const { folder, manifest } = await snapshotOf(
      await evil([{ name: 'deep/er/file' }, { name: 'top' }, { name: 'deep/x' }]),
    )
    const list = (query: Parameters<typeof listFiles>[3]) =>
      listFiles(folder, manifest, 'volume:files', query)
    expect((await list({})).entries.map(each => [each.path, each.type])).toEqual([
      ['deep', 'directory'],
      ['top', 'file'],
    ])
    expect((await list({ offset: 1, limit: 1 })).entries.map(each => each.path)).toEqual(['top'])
    expect((await list({ folder: 'deep' })).entries.map(each => each.path)).toEqual([
      'deep/er',
      'deep/x',
    ])
  })

  it('lists the files of an item that is no archive', async () => {
    const { folder, manifest } = await snapshotOf(sampleTree())
    expect((await listFiles(folder, manifest, 'config:env', {})).entries).toMatchObject([
      { path: '.env', type: 'file', sizeBytes: 16 },
    ])
  })
})

describe('store/extract', () => {
  it('takes everything out: sizes, modes, times, links, holes, odd names', async () => {
    const { folder, manifest } = await snapshotOf(sampleTree())
    const to = path.join(temporaryFolder(), 'out')
    let read = 0
    const result = await extractFiles({
      folder,
      manifest,
      item: 'volume:files',
      paths: [''],
      to,
      signal,
      onBytes: bytes => (read += bytes),
    })
    expect(read).toBe(manifest.artifacts[0]?.plain.bytes)
    expect(readdirSync(to).toSorted()).toEqual([
      expect.stringMatching(/^bad-/),
      'hard.jpg',
      'photos',
      'sparse',
      'z.txt',
    ])
    const first = statSync(path.join(to, 'photos/2026/a.jpg'))
    expect(first).toMatchObject({ size: 2_000_000, mtimeMs: 1_000_000_000_000 })
    expect(first.mode & 0o777).toBe(0o640)
    expect(statSync(path.join(to, 'hard.jpg')).ino).toBe(first.ino)
    expect(readFileSync(path.join(to, 'photos/b \n;$(touch canary).jpg'), 'utf8')).toBe('B')
    expect(
      readFileSync(Buffer.concat([Buffer.from(`${to}/bad-`), Buffer.from([0xff])]), 'utf8'),
    ).toBe('not text')
    expect(readlinkSync(path.join(to, 'photos/inside'))).toBe('2026/a.jpg')
    expect(statSync(path.join(to, 'photos/2026/empty')).isDirectory()).toBe(true)
    const sparse = statSync(path.join(to, 'sparse'))
    expect(sparse.size).toBe(5_000_000_000)
    expect(sparse.blocks * 512).toBeLessThan(1_000_000)
    const pieces = execFileSync('bash', [
      '-c',
      'head -c 5 "$0"; tail -c +3000001 "$0" | head -c 6',
      path.join(to, 'sparse'),
    ])
    expect(pieces.toString()).toBe('beginmiddle')
    expect(result.skipped.map(each => each.path).toSorted()).toEqual([
      'photos/absolute',
      'photos/outside',
      'photos/pipe',
    ])
    expect(result.files).toBe(7)
  })

  it('takes one file, or files of several folders, to where it said', async () => {
    const { folder, manifest } = await snapshotOf(sampleTree())
    const extract = (paths: string[], to: string) =>
      extractFiles({ folder, manifest, item: 'volume:files', paths, to, signal })
    const to = temporaryFolder()
    const one = await extract(['photos/2026/a.jpg'], to)
    expect(one.written).toEqual([path.join(to, 'a.jpg')])
    expect(one.written).toEqual(extractTargets(['photos/2026/a.jpg'], to))
    expect(readdirSync(to)).toEqual(['a.jpg'])
    const second = temporaryFolder()
    const chosen = ['photos/2026', 'z.txt', 'photos/2026/a.jpg']
    expect((await extract(chosen, second)).written.toSorted()).toEqual(
      extractTargets(chosen, second).toSorted(),
    )
    expect(existsSync(path.join(second, 'photos/2026/a.jpg'))).toBe(true)
    const third = temporaryFolder()
    const hard = await extract(['hard.jpg'], third)
    expect(readFileSync(path.join(third, 'hard.jpg'))).toHaveLength(2_000_000)
    expect([hard.files, readdirSync(third)]).toEqual([1, ['hard.jpg']])
    const config = await extractFiles({
      folder,
      manifest,
      item: 'config:env',
      paths: ['.env'],
      to: third,
      signal,
    })
    expect(readFileSync(config.written[0] ?? '', 'utf8')).toBe('PASSWORD=secret\n')
  })

  it('overwrites nothing, and says so before it reads', async () => {
    const { folder, manifest } = await snapshotOf(sampleTree())
    const to = temporaryFolder()
    writeFileSync(path.join(to, 'z.txt'), 'mine')
    const request = { folder, manifest, item: 'volume:files', to, signal }
    expect(await failure(extractFiles({ ...request, paths: ['z.txt'] }))).toMatchObject({
      code: 'destination-unwritable',
    })
    expect(await failure(extractFiles({ ...request, paths: [''] }))).toMatchObject({
      code: 'destination-unwritable',
    })
    expect(await failure(extractFiles({ ...request, paths: ['none'] }))).toMatchObject({
      code: 'path-missing',
    })
    expect(readdirSync(to)).toEqual(['z.txt'])
    expect(readFileSync(path.join(to, 'z.txt'), 'utf8')).toBe('mine')
  })

  it('shows nothing under its name when the archive is damaged behind it', async () => {
    const { folder, manifest } = await snapshotOf(sampleTree())
    const file = path.join(folder, manifest.artifacts[0]?.path ?? '')
    const bytes = readFileSync(file)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    writeFileSync(file, bytes)
    const to = temporaryFolder()
    const error = await failure(
      extractFiles({ folder, manifest, item: 'volume:files', paths: ['hard.jpg'], to, signal }),
    )
    expect(error).toMatchObject({ code: 'stream-corrupt' })
    expect(error.message).toContain('volumes/files.tar.zst')
    expect(readdirSync(to)).toEqual([])
  })

  const attacks: Record<string, Parameters<typeof evil>[0]> = {
    'climbs with ..': [{ name: '../escape' }],
    'climbs from below': [{ name: 'a/../../escape' }],
    'is absolute': [{ name: '/tmp/escape' }],
    'is relative to a drive': [{ name: 'C:../../escape' }],
    'writes through a link': [
      { name: 'a', type: 'symlink', linkname: '/tmp' },
      { name: 'a/escape' },
    ],
    'writes through a link in two steps': [
      { name: 'x', type: 'symlink', linkname: '.' },
      { name: 'x/y', type: 'symlink', linkname: '..' },
      { name: 'x/y/escape' },
    ],
    'links hard to outside': [{ name: 'passwd', type: 'link', linkname: '../../etc/passwd' }],
    'links hard to an absolute path': [{ name: 'passwd', type: 'link', linkname: '/etc/passwd' }],
  }

  it.each(Object.entries(attacks))(
    'refuses an archive that %s, before it writes',
    async (_how, members) => {
      const { folder, manifest } = await snapshotOf(await evil([{ name: 'good' }, ...members]))
      const parent = temporaryFolder()
      const to = path.join(parent, 'to')
      const error = await failure(
        extractFiles({ folder, manifest, item: 'volume:files', paths: [''], to, signal }),
      )
      expect(error).toMatchObject({ code: 'unsafe-archive' })
      expect(readdirSync(parent)).toEqual([])
      expect(existsSync('/tmp/escape')).toBe(false)
      const good = await extractFiles({
        folder,
        manifest,
        item: 'volume:files',
        paths: ['good'],
        to,
        signal,
      })
      expect(good.files).toBe(1)
    },
  )

  it('writes no link that leads out, and no byte through one', async () => {
    const { folder, manifest } = await snapshotOf(
      await evil([
        { name: 'a', type: 'symlink', linkname: 'sub/../../..' },
        { name: 'b', type: 'symlink', linkname: 'good' },
        { name: 'good' },
      ]),
    )
    const to = temporaryFolder()
    const result = await extractFiles({
      folder,
      manifest,
      item: 'volume:files',
      paths: [''],
      to,
      signal,
    })
    expect(result.skipped.map(each => each.path)).toEqual(['a'])
    expect(lstatSync(path.join(to, 'b')).isSymbolicLink()).toBe(true)
  })

  it('knows what Windows cannot hold', () => {
    const entry = (name: string, type: 'file' | 'symlink' = 'file') => ({
      path: name,
      type,
      sizeBytes: 1,
      mode: 0o644,
      uid: 0,
      gid: 0,
      modified: '2026-01-01T00:00:00.000Z',
      linkTarget: type === 'symlink' ? 'x' : null,
    })
    const plan = planExtract(
      [''],
      [entry('ab:c'), entry('q?'), entry('dot.'), entry('l', 'symlink'), entry('good')],
      'win32',
    )
    expect([...plan.entries.keys()]).toEqual(['good'])
    expect(plan.skipped).toHaveLength(4)
    for (const name of ['a/./b', 'a//b', '..', 'a/..', 'c:/x', 'a\0b', ''])
      expect(isInside(name), name).toBe(false)
  })
})
