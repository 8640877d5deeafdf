import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { beforeAll, describe, expect, it } from 'vitest'

import type { CheckReport } from '../../../src-main/contract/model.ts'
import { openArtifact } from '../../../src-main/engine/store/artifact-reader.ts'
import type { Repository } from '../../../src-main/engine/store/repository.ts'
import { hashFile } from '../../../src-main/engine/store/sums.ts'
import { checkSnapshot } from '../../../src-main/engine/verify/check.ts'
import {
  bytesSource,
  failure,
  makeSnapshot,
  manifestFor,
  newRepository,
  spec,
  tarOf,
} from '../store/support.ts'

const signal = new AbortController().signal
const archive = 'volumes/files.tar.zst'

let repository: Repository
let id: string
let folder: string

/** Text and noise, so that blocks of every kind are stored. */
const tar = tarOf({
  'text.txt': 'all work and no play '.repeat(9000),
  'noise.bin': Buffer.from(
    Array.from({ length: 150_000 }, (_, index) => (index * index * 7919) >> 5),
  ),
  'sub/last.txt': 'end',
})

beforeAll(async () => {
  repository = await newRepository()
  id = await makeSnapshot(repository, { tar })
  folder = repository.folderOf(id)
})

async function check(readData = true): Promise<CheckReport> {
  return await checkSnapshot(repository, id, { readData, signal })
}

function failed(report: CheckReport): string[] {
  return report.items.flatMap(({ checks }) =>
    checks.filter(each => !each.ok).map(each => each.name),
  )
}

/** Changes a file, runs, and puts it back. */
async function withChange<T>(
  name: string,
  change: (file: string) => void,
  run: () => Promise<T>,
): Promise<T> {
  const file = path.join(folder, name)
  const sound = readFileSync(file)
  try {
    change(file)
    return await run()
  } finally {
    rmSync(file, { force: true })
    writeFileSync(file, sound)
  }
}

async function readAll(): Promise<void> {
  const manifest = await repository.readManifest(id)
  for (const record of manifest.artifacts) {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    await pipeline(openArtifact(folder, record), nowhere)
  }
}

describe('verify/check', () => {
  it('finds nothing wrong with a sound snapshot, and keeps the report beside it', async () => {
    const quick = await check(false)
    expect(quick).toMatchObject({
      snapshot: id,
      outcome: 'ok',
      readData: false,
      restoreMs: null,
      leftovers: [],
    })
    expect((await repository.list())[0]?.proof.level).toBe('recorded')
    let read = 0
    const report = await checkSnapshot(repository, id, {
      readData: true,
      signal,
      onBytes: bytes => (read += bytes),
    })
    expect(report.outcome).toBe('ok')
    const manifest = await repository.readManifest(id)
    expect(read).toBe(manifest.artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0))
    expect(report.items.map(each => each.id)).toEqual(['snapshot', 'volume:files', 'config:env'])
    const names = report.items.flatMap(each => each.checks.map(({ name }) => name)).join('\n')
    for (const part of [
      'size',
      'stored SHA-256',
      'compressed',
      'content SHA-256',
      'frames',
      'end',
      'entries',
      'index',
      'SHA256SUMS',
      'manifest.json',
      'RESTORE.md',
    ]) {
      expect(names).toContain(part)
    }
    expect((await repository.list())[0]?.proof.level).toBe('checked')
    expect(await repository.reports(id)).toHaveLength(2)
  })

  it('finds each of 1000 flipped bits, and so does reading', async () => {
    const file = path.join(folder, archive)
    const sound = readFileSync(file)
    const missed: number[] = []
    try {
      for (let round = 0; round < 1000; round += 1) {
        const bytes = Buffer.from(sound)
        const at = Math.floor(Math.random() * bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
        writeFileSync(file, bytes)
        // Reading alone is quicker than a whole check: the check takes every tenth.
        const error = await failure(readAll()).catch(() => null)
        if (error?.code !== 'stream-corrupt' || !error.message.includes(archive)) missed.push(at)
        if (round % 10 === 0 && (await check()).outcome !== 'failed') missed.push(at)
      }
    } finally {
      writeFileSync(file, sound)
    }
    expect(missed).toEqual([])
    expect((await check()).outcome).toBe('ok')
  })

  it('finds truncation at every 64 KiB border and anywhere else', async () => {
    const size = readFileSync(path.join(folder, archive)).length
    const cuts = [0, 1, size - 1]
    for (let border = 65_536; border < size; border += 65_536) cuts.push(border)
    for (let round = 0; round < 20; round += 1) cuts.push(Math.floor(Math.random() * size))
    for (const cut of cuts) {
      await withChange(
        archive,
        file => truncateSync(file, cut),
        async () => {
          expect(failed(await check(false)), `cut at ${cut}`).toContain(`${archive}: size`)
          expect(await failure(readAll())).toMatchObject({ code: 'stream-corrupt' })
        },
      )
    }
  })

  const damages: Record<
    string,
    { name: string; change: (file: string) => void; quick: boolean; expected: RegExp }
  > = {
    'an archive that is missing': {
      name: archive,
      change: file => rmSync(file),
      quick: true,
      expected: /files\.tar\.zst: size/,
    },
    'an archive that grew': {
      name: archive,
      change: file => appendFileSync(file, 'x'),
      quick: true,
      expected: /size/,
    },
    'an archive that is a link': {
      name: archive,
      change: file => {
        renameSync(file, `${file}.away`)
        symlinkSync(`${file}.away`, file)
      },
      quick: true,
      expected: /size/,
    },
    'an edited config file of the same length': {
      name: 'config/.env',
      change: file => writeFileSync(file, 'PASSWORD=s3cret\n'),
      quick: false,
      expected: /config\/\.env: stored SHA-256/,
    },
    'an edited manifest': {
      name: 'manifest.json',
      change: file =>
        writeFileSync(file, readFileSync(file, 'utf8').replace('"critical"', '"important"')),
      quick: true,
      expected: /manifest\.json: SHA-256/,
    },
    'a hash edited in the manifest': {
      name: 'manifest.json',
      change: file =>
        writeFileSync(
          file,
          readFileSync(file, 'utf8').replace(/"sha256": "..../, '"sha256": "0000'),
        ),
      quick: true,
      expected: /manifest\.json/,
    },
    'edited sums': {
      name: 'SHA256SUMS',
      change: file => writeFileSync(file, readFileSync(file, 'utf8').replace(/^..../gm, '0000')),
      quick: true,
      expected: /SHA256SUMS/,
    },
    'sums without a line': {
      name: 'SHA256SUMS',
      change: file =>
        writeFileSync(file, readFileSync(file, 'utf8').split('\n').slice(1).join('\n')),
      quick: true,
      expected: /SHA256SUMS: files/,
    },
    'missing sums': {
      name: 'SHA256SUMS',
      change: file => rmSync(file),
      quick: true,
      expected: /SHA256SUMS/,
    },
    'an edited guide': {
      name: 'RESTORE.md',
      change: file => appendFileSync(file, 'rm -rf /\n'),
      quick: true,
      expected: /RESTORE\.md/,
    },
    'a damaged index': {
      name: 'volumes/files.tar.index.jsonl.zst',
      change: file => writeFileSync(file, readFileSync(file).subarray(0, -2)),
      quick: true,
      expected: /index/,
    },
  }

  it.each(Object.entries(damages))('finds %s', async (_what, { name, change, quick, expected }) => {
    await withChange(name, change, async () => {
      const report = await check(!quick)
      expect(report.outcome).toBe('failed')
      expect(failed(report).join('\n')).toMatch(expected)
    })
    expect((await check()).outcome).toBe('ok')
  })

  it('reports an unreadable manifest as damage, and keeps that report too', async () => {
    await withChange(
      'manifest.json',
      file => truncateSync(file, 50),
      async () => {
        const report = await check()
        expect(report).toMatchObject({ outcome: 'failed', items: [{ id: 'snapshot' }] })
        expect((await repository.list())[0]?.outcome).toBe('failed')
      },
    )
    await check()
    expect((await repository.list())[0]).toMatchObject({
      outcome: 'complete',
      proof: { level: 'checked' },
    })
  })

  it('finds an archive that was replaced by an older valid one, and a swapped folder', async () => {
    const older = await makeSnapshot(repository, {
      tar: tarOf({ 'text.txt': 'older' }),
      time: new Date('2026-11-01T00:00:00Z'),
    })
    const olderFolder = repository.folderOf(older)
    await withChange(
      archive,
      file => writeFileSync(file, readFileSync(path.join(olderFolder, archive))),
      async () => {
        expect((await check()).outcome).toBe('failed')
        expect(await failure(readAll())).toMatchObject({ code: 'stream-corrupt' })
      },
    )
    renameSync(folder, `${folder}.away`)
    renameSync(olderFolder, folder)
    expect((await check()).outcome).toBe('failed')
    expect((await repository.list()).find(each => each.id === id)?.problem).toMatch(
      /20261101T000000Z/,
    )
    renameSync(folder, olderFolder)
    renameSync(`${folder}.away`, folder)
    expect((await check()).outcome).toBe('ok')
  })

  it('finds data that ends too early although all hashes agree', async () => {
    const writer = await repository.begin({
      host: 'local',
      stack: 'forged',
      time: new Date(),
      purpose: 'test',
    })
    const record = await writer.addArtifact(
      spec({ content: 'bytes' }),
      bytesSource(tar.subarray(0, -10_752)),
    )
    await writer.commit(manifestFor(repository, writer, [{ ...record, content: 'tar' }]), '')
    const report = await checkSnapshot(repository, writer.id, { readData: true, signal })
    expect(failed(report)).toEqual([`${archive}: end`])
    expect(await hashFile(path.join(repository.folderOf(writer.id), archive))).toBe(
      record.stored.sha256,
    )
  })

  it('stops when it is cancelled, and holds no lock after that', async () => {
    const abort = new AbortController()
    abort.abort(new Error('enough'))
    expect(
      (await failure(checkSnapshot(repository, id, { readData: true, signal: abort.signal })))
        .message,
    ).toBe('enough')
    expect(readdirSync(path.join(repository.path, '.lifeboat/locks'))).toEqual([])
  })

  it('refuses what is not there', async () => {
    const missing = 'local/app/20200101T000000Z'
    expect(
      await failure(checkSnapshot(repository, missing, { readData: true, signal })),
    ).toMatchObject({ code: 'unknown-snapshot' })
    expect(
      readdirSync(path.join(repository.path, 'local/app')).some(name => name.startsWith('2020')),
    ).toBe(false)
  })
})
