import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { openRepository } from '../../../src-main/engine/store/repository.ts'
import {
  bytesSource,
  failure,
  makeSnapshot,
  manifestFor,
  newRepository,
  spec,
  tarOf,
  temporaryFolder,
} from './support.ts'

const version = '0.0.0-test'

describe('store/repository: opening', () => {
  it('makes one in a missing or an empty folder, and finds it again', async () => {
    const folder = path.join(temporaryFolder(), 'deep/er')
    const made = await openRepository(folder, { create: true, version })
    const found = await openRepository(folder, { version, expectedId: made.id })
    expect(found.id).toBe(made.id)
    const empty = temporaryFolder()
    writeFileSync(path.join(empty, '.DS_Store'), '')
    mkdirSync(path.join(empty, 'lost+found'))
    await openRepository(empty, { create: true, version })
    expect(
      JSON.parse(readFileSync(path.join(empty, 'lifeboat-repository.json'), 'utf8')),
    ).toMatchObject({
      schemaVersion: 1,
      createdBy: version,
    })
  })

  it('makes none unless asked to', async () => {
    const folder = temporaryFolder()
    expect(await failure(openRepository(folder, { version }))).toMatchObject({
      code: 'repository-missing',
    })
    expect(await failure(openRepository(path.join(folder, 'no'), { version }))).toMatchObject({
      code: 'repository-missing',
    })
    expect(readdirSync(folder)).toEqual([])
  })

  it('refuses a folder with other files and leaves it alone', async () => {
    const folder = temporaryFolder()
    writeFileSync(path.join(folder, 'thesis.txt'), 'mine')
    const error = await failure(openRepository(folder, { create: true, version }))
    expect(error).toMatchObject({ code: 'repository-foreign' })
    expect(error.message).toContain('thesis.txt')
    expect(readdirSync(folder)).toEqual(['thesis.txt'])
    const file = path.join(folder, 'thesis.txt')
    expect((await failure(openRepository(file, { create: true, version }))).code).toBeDefined()
  })

  it('refuses an empty mount point where a known repository was', async () => {
    const repository = await newRepository()
    const elsewhere = `${repository.path}-elsewhere`
    renameSync(repository.path, elsewhere)
    mkdirSync(repository.path)
    const error = await failure(
      openRepository(repository.path, { create: true, version, expectedId: repository.id }),
    )
    expect(error).toMatchObject({ code: 'repository-missing' })
    expect(error.message).toContain('empty')
    expect(readdirSync(repository.path)).toEqual([])
    rmSync(repository.path, { recursive: true })
    await failure(
      openRepository(repository.path, { create: true, version, expectedId: repository.id }),
    )
    expect(existsSync(repository.path)).toBe(false)
  })

  it('refuses another disk at the same path', async () => {
    const repository = await newRepository()
    const error = await failure(
      openRepository(repository.path, {
        version,
        expectedId: '00000000-0000-4000-8000-000000000000',
      }),
    )
    expect(error).toMatchObject({ code: 'repository-foreign' })
  })

  it('refuses a newer format and a damaged file, and changes neither', async () => {
    const repository = await newRepository()
    const file = path.join(repository.path, 'lifeboat-repository.json')
    const sound = JSON.parse(readFileSync(file, 'utf8')) as object
    for (const [text, code] of [
      [JSON.stringify({ ...sound, schemaVersion: 2, more: 1 }), 'repository-too-new'],
      ['{"schemaVersion":', 'repository-unreadable'],
      [JSON.stringify({ ...sound, id: 'x' }), 'repository-unreadable'],
      ['', 'repository-unreadable'],
    ] as const) {
      writeFileSync(file, text)
      expect(
        await failure(openRepository(repository.path, { create: true, version })),
      ).toMatchObject({ code })
      expect(readFileSync(file, 'utf8')).toBe(text)
    }
  })
})

describe('store/repository: snapshots', () => {
  it('lists what was committed, newest first, and stock tools agree', async () => {
    const repository = await newRepository()
    const first = await makeSnapshot(repository, { time: new Date('2026-11-20T03:00:00Z') })
    const second = await makeSnapshot(repository)
    const list = await repository.list()
    expect(list.map(each => each.id)).toEqual([second, first])
    expect(second).toBe('local/app/20261121T030000Z')
    expect(list[0]).toMatchObject({
      host: 'local',
      stack: 'app',
      outcome: 'complete',
      encrypted: false,
      pinned: false,
      origin: 'backup',
      problem: null,
      proof: { level: 'recorded', at: null },
    })
    const folder = repository.folderOf(second)
    execFileSync('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: folder })
    expect(readdirSync(folder).toSorted()).toEqual([
      'RESTORE.md',
      'SHA256SUMS',
      'config',
      'manifest.json',
      'volumes',
    ])
    const manifest = await repository.readManifest(second)
    expect(manifest.id).toBe(second)
    const sums = readFileSync(path.join(folder, 'SHA256SUMS'), 'utf8')
    expect(
      sums
        .trim()
        .split('\n')
        .map(line => line.slice(66)),
    ).toEqual([
      'RESTORE.md',
      'config/.env',
      'manifest.json',
      'volumes/files.tar.index.jsonl.zst',
      'volumes/files.tar.zst',
    ])
  })

  it('shows nothing of a snapshot that is being written, and nothing after it was abandoned', async () => {
    const repository = await newRepository()
    const writer = await repository.begin({
      host: 'local',
      stack: 'app',
      time: new Date(),
      purpose: 'test',
    })
    await writer.addArtifact(spec(), bytesSource(tarOf({ a: 'b' })))
    expect(await repository.list()).toEqual([])
    expect(await repository.partials()).toHaveLength(1)
    expect(await repository.removePartials()).toEqual([])
    await writer.abandon()
    expect(await repository.partials()).toEqual([])
    expect(existsSync(writer.folder)).toBe(false)
  })

  it('gives two of one second names of their own', async () => {
    const repository = await newRepository()
    const ids = [
      await makeSnapshot(repository),
      await makeSnapshot(repository),
      await makeSnapshot(repository),
    ]
    expect(ids).toEqual([
      'local/app/20261121T030000Z',
      'local/app/20261121T030000Z-2',
      'local/app/20261121T030000Z-3',
    ])
  })

  it('keeps stacks apart whose names differ by case, dots or length alone', async () => {
    const repository = await newRepository()
    const names = [
      'app',
      'App',
      'APP',
      '..',
      '...',
      'con',
      'x'.repeat(300),
      `${'x'.repeat(300)}y`,
      '日本',
      '$(touch canary); `id`\n',
    ]
    for (const stack of names) await makeSnapshot(repository, { stack })
    const list = await repository.list()
    expect(new Set(list.map(each => each.stack))).toEqual(new Set(names))
    expect(new Set(list.map(each => each.id.toLowerCase())).size).toBe(names.length)
  })

  it('refuses to commit a manifest that does not fit what was stored', async () => {
    const repository = await newRepository()
    const writer = await repository.begin({
      host: 'local',
      stack: 'app',
      time: new Date(),
      purpose: 'test',
    })
    const record = await writer.addArtifact(spec(), bytesSource(tarOf({ a: 'b' })))
    const sound = manifestFor(repository, writer, [record])
    const wrong = [
      { ...sound, artifacts: [] },
      { ...sound, id: 'local/app/20200101T000000Z' },
      { ...sound, repositoryId: 'other' },
      { ...sound, artifacts: [record, { ...record, path: 'volumes/none.tar.zst' }] },
      { ...sound, artifacts: [{ ...record, stored: { bytes: 1, sha256: '0'.repeat(64) } }] },
    ]
    for (const manifest of wrong) {
      expect(await failure(writer.commit(manifest, ''))).toMatchObject({ code: 'internal-error' })
    }
    expect(await repository.list()).toEqual([])
    await writer.commit(sound, '# Restore\n')
    expect(await repository.list()).toHaveLength(1)
  })

  it('lists a damaged snapshot with its problem and never deletes it', async () => {
    const repository = await newRepository()
    const good = await makeSnapshot(repository, { stack: 'good' })
    const damage: Record<string, (file: string) => void> = {
      missing: file => rmSync(file),
      'cut off': file => writeFileSync(file, readFileSync(file).subarray(0, 100)),
      'of another': file =>
        writeFileSync(
          file,
          readFileSync(file, 'utf8')
            .replaceAll('/cut off/', '/x/')
            .replace(/"id": "local[^"]+"/, '"id": "local/other/20261121T030000Z"'),
        ),
      newer: file =>
        writeFileSync(
          file,
          readFileSync(file, 'utf8').replace('"schemaVersion": 1', '"schemaVersion": 7'),
        ),
      'with a way out': file =>
        writeFileSync(
          file,
          readFileSync(file, 'utf8').replace(
            '"path": "volumes/files.tar.zst"',
            '"path": "../../../etc/passwd"',
          ),
        ),
      'with a strange field': file =>
        writeFileSync(file, readFileSync(file, 'utf8').replace('{', '{"surprise": 1,')),
    }
    for (const [stack, change] of Object.entries(damage)) {
      const id = await makeSnapshot(repository, { stack })
      change(path.join(repository.folderOf(id), 'manifest.json'))
    }
    const list = await repository.list()
    expect(list).toHaveLength(Object.keys(damage).length + 1)
    for (const each of list.filter(({ id }) => id !== good)) {
      expect(each.outcome).toBe('failed')
      expect(each.problem).toMatch(/manifest|newer/)
      expect((await failure(repository.readManifest(each.id))).code).toMatch(/^repository-/)
      expect(existsSync(each.folder)).toBe(true)
    }
    expect(list.find(({ id }) => id === good)?.problem).toBeNull()
    expect((await repository.resolve('good')).id).toBe(good)
  })

  it('passes over foreign files and folders', async () => {
    const repository = await newRepository()
    const id = await makeSnapshot(repository)
    mkdirSync(path.join(repository.path, 'photos/2026/summer'), { recursive: true })
    mkdirSync(path.join(repository.path, 'local/app/notes'))
    appendFileSync(path.join(repository.path, 'readme.txt'), 'mine')
    appendFileSync(path.join(repository.path, 'local/readme.txt'), 'mine')
    mkdirSync(path.join(repository.path, 'local/app/20261121T030000Z.removing'))
    expect((await repository.list()).map(each => each.id)).toEqual([id])
  })

  it('finds the same after its cache was deleted, damaged or is out of date', async () => {
    const repository = await newRepository()
    const first = await makeSnapshot(repository)
    const expected = await repository.list()
    const cache = path.join(repository.path, '.lifeboat/list-cache.json')
    expect(existsSync(cache)).toBe(true)
    for (const text of [
      '',
      '{"version":1,"entries":{}}',
      '{"version":1,"entries":{"x/y/z":{}}}',
      'null',
      '{"version":99}',
    ]) {
      writeFileSync(cache, text)
      expect(await repository.list()).toEqual(expected)
    }
    rmSync(path.join(repository.path, '.lifeboat'), { recursive: true })
    expect(await repository.list()).toEqual(expected)
    const file = path.join(repository.folderOf(first), 'manifest.json')
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('"origin": "backup"', '"origin": "import"'),
    )
    expect((await repository.list())[0]?.origin).toBe('import')
  })

  it('pins and unpins', async () => {
    const repository = await newRepository()
    const id = await makeSnapshot(repository)
    expect((await repository.pin(id, true)).pinned).toBe(true)
    expect((await repository.pin(id, true)).pinned).toBe(true)
    expect((await repository.list())[0]?.pinned).toBe(true)
    expect((await repository.pin(id, false)).pinned).toBe(false)
    expect(await failure(repository.pin('local/app/20200101T000000Z', true))).toMatchObject({
      code: 'unknown-snapshot',
    })
  })

  it('refuses ids that lead elsewhere', async () => {
    const repository = await newRepository()
    for (const id of ['../x/y', 'a/b', 'a/b/../c', '/etc/x/y', 'a/b/c/d', 'a\0/b/c']) {
      expect(await failure(repository.readManifest(id))).toMatchObject({ code: 'unknown-snapshot' })
    }
  })

  it('lists 10,000 snapshots quickly', async () => {
    const repository = await newRepository()
    const id = await makeSnapshot(repository)
    const text = readFileSync(path.join(repository.folderOf(id), 'manifest.json'), 'utf8')
    for (let stack = 0; stack < 100; stack += 1) {
      for (let index = 0; index < 100; index += 1) {
        const name = `20260101T00${String(Math.floor(index / 60)).padStart(2, '0')}${String(index % 60).padStart(2, '0')}Z`
        const folder = path.join(repository.path, 'local', `s${stack}`, name)
        mkdirSync(folder, { recursive: true })
        writeFileSync(
          path.join(folder, 'manifest.json'),
          text.replace(id, `local/s${stack}/${name}`),
        )
      }
    }
    expect(await repository.list()).toHaveLength(10_001)
    const started = performance.now()
    const list = await repository.list()
    const milliseconds = performance.now() - started
    expect(list.every(each => each.problem === null)).toBe(true)
    // The bar of 300 ms is measured by the benchmark; here only that nothing is read again.
    console.info(`10,000 snapshots: ${milliseconds.toFixed(0)} ms`)
    expect(milliseconds).toBeLessThan(5000)
  })
})
