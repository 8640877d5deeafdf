import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { describe, expect, it } from 'vitest'

import { markdownText, shellWord } from '../../../src-main/engine/lib/shell-word.ts'
import type {
  ArtifactRecord,
  Manifest,
  ManifestItem,
} from '../../../src-main/engine/store/manifest.ts'
import { restoreGuide } from '../../../src-main/engine/store/restore-guide.ts'
import {
  bytesSource,
  itemOf,
  manifestFor,
  newRepository,
  spec,
  tarOf,
  temporaryFolder,
} from './support.ts'

/** All `sh` blocks of a page as one script. */
function scriptOf(guide: string): string {
  return [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(match => match[1] ?? '').join('\n')
}

const hostile = [
  'plain',
  "quote's",
  'two words',
  '$(touch canary)',
  '`touch canary`',
  '; touch canary',
  'new\nline',
  '```\ntouch canary\n```',
  '-rf',
  '*',
  'back\\slash',
  'Käse 日本 🚑',
  'raw \udcff byte',
  '!history',
]

describe('lib/shell-word', () => {
  it.each(hostile)('gives bash exactly %j, on one line', text => {
    const word = shellWord(text)
    expect(word).not.toMatch(/[\n\r]/)
    expect(word).not.toContain('```')
    const folder = temporaryFolder()
    const output = execFileSync('bash', ['-c', `printf %s ${word}`], {
      cwd: folder,
      encoding: 'latin1',
    })
    const expected =
      text === 'raw \udcff byte' ? 'raw \xff byte' : Buffer.from(text).toString('latin1')
    expect(output).toBe(expected)
    expect(existsSync(path.join(folder, 'canary'))).toBe(false)
    expect(markdownText(text)).not.toMatch(/[\n`]/)
  })
})

interface Made {
  readonly folder: string
  readonly manifest: Manifest
  readonly work: string
  readonly database: string
}

/** A folder stack with hostile names: compose file, secret, link, uploads, a single file, an SQLite database. */
async function folderSnapshot(): Promise<Made> {
  const place = temporaryFolder()
  const work = path.join(place, "the stack's $(touch canary) folder")
  mkdirSync(work)
  const file = path.join(place, 'live.sqlite')
  const live = new DatabaseSync(file)
  live.exec("create table t (x); insert into t values ('kept')")
  live.close()
  const repository = await newRepository()
  const writer = await repository.begin({
    host: 'folder',
    stack: 'gptchat',
    time: new Date(),
    purpose: 'test',
  })
  const facts = (name: string, mode: number) => ({
    hostPath: path.join(work, name),
    mode,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    modified: '2026-11-01T10:20:30.000Z',
    kind: 'file' as const,
    linkTarget: null,
  })
  const add = async (name: string, content: string, mode: number) => ({
    ...(await writer.addFile(`config/${name}`, 'config:env', Buffer.from(content))),
    file: facts(name, mode),
  })
  const link = {
    ...(await writer.addFile('config/current', 'config:env', Buffer.alloc(0))),
    file: { ...facts('current', 0o777), kind: 'symlink' as const, linkTarget: 'compose.yaml' },
  }
  const uploads = path.join(work, 'up loads')
  const single = path.join(work, 'config.php')
  const empty = path.join(work, 'empty')
  const records: ArtifactRecord[] = [
    await add('.env', "KEY='x y'\n", 0o600),
    await add('secrets/private.pem', 'secret', 0o400),
    await add('compose.yaml', 'services: {}\n', 0o644),
    link,
    await writer.addArtifact(
      spec({ path: 'binds/up loads.tar', item: `bind:${uploads}` }),
      bytesSource(tarOf({ 'a b/c.txt': 'upload', '-x': 'dash' })),
    ),
    await writer.addArtifact(
      spec({ path: 'binds/config.php.tar', item: `bind:${single}` }),
      bytesSource(singleFile('config.php', '<?php')),
    ),
    await writer.addArtifact(
      spec({ path: 'binds/empty.tar', item: `bind:${empty}` }),
      bytesSource(tarOf({})),
    ),
    {
      ...(await writer.addArtifact(
        spec({
          path: 'databases/sqlite/data/admin.db',
          item: 'sqlite:data/admin.db',
          content: 'sqlite',
        }),
        bytesSource(readFileSync(file)),
      )),
      file: facts('data/admin.db', 0o640),
    },
  ]
  const sqlite: ManifestItem = {
    ...itemOf('sqlite:data/admin.db', 'sqlite', records),
    facts: { mount: null, path: 'data/admin.db' },
  }
  const binds = [uploads, single, empty].map(each => itemOf(`bind:${each}`, 'bind', records))
  const base = manifestFor(repository, writer, records)
  const manifest: Manifest = {
    ...base,
    host: { ...base.host, kind: 'folder', label: 'folder *of* mine' },
    stack: {
      ...base.stack,
      name: 'gptchat',
      kind: 'folder',
      workingDirectory: work,
      configFiles: [],
    },
    items: [itemOf('config:env', 'config', records), ...binds, sqlite],
    excluded: [{ item: 'bind:/x', reason: 'a cache\nof nothing' }],
  }
  await writer.commit(manifest, restoreGuide({ manifest, databases: [], helperImage: null }))
  return {
    folder: repository.folderOf(writer.id),
    manifest,
    work,
    database: path.join(work, 'data/admin.db'),
  }
}

function singleFile(name: string, content: string): Buffer {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, name), content, { mode: 0o604 })
  return execFileSync('tar', ['--format=pax', '-C', folder, '-cf', '-', `./${name}`])
}

describe('store/restore-guide', () => {
  it('brings a folder stack back with stock tools alone, run as one script from the page', async () => {
    const { folder, work, database } = await folderSnapshot()
    mkdirSync(path.join(work, 'up loads'))
    writeFileSync(path.join(work, 'up loads/left over'), 'x')
    mkdirSync(path.join(work, 'data'))
    writeFileSync(database, 'damaged')
    writeFileSync(`${database}-wal`, 'old log')
    const elsewhere = path.join(temporaryFolder(), 'copy of the snapshot')
    cpSync(folder, elsewhere, { recursive: true })
    rmSync(folder, { recursive: true })
    const script = scriptOf(readFileSync(path.join(elsewhere, 'RESTORE.md'), 'utf8'))
    execFileSync('bash', ['-e', '-c', script], { cwd: elsewhere })

    expect(readFileSync(path.join(work, '.env'), 'utf8')).toBe("KEY='x y'\n")
    expect(statSync(path.join(work, '.env'))).toMatchObject({
      mtimeMs: Date.parse('2026-11-01T10:20:30Z'),
    })
    expect(statSync(path.join(work, '.env')).mode & 0o777).toBe(0o600)
    expect(statSync(path.join(work, 'secrets/private.pem')).mode & 0o777).toBe(0o400)
    expect(readlinkSync(path.join(work, 'current'))).toBe('compose.yaml')
    expect(readFileSync(path.join(work, 'up loads/a b/c.txt'), 'utf8')).toBe('upload')
    expect(existsSync(path.join(work, 'up loads/left over'))).toBe(false)
    expect(readFileSync(path.join(work, 'config.php'), 'utf8')).toBe('<?php')
    expect(statSync(path.join(work, 'config.php')).mode & 0o777).toBe(0o604)
    expect(statSync(path.join(work, 'empty')).isDirectory()).toBe(true)
    const restored = new DatabaseSync(database)
    expect(restored.prepare('select x from t').get()).toEqual({ x: 'kept' })
    restored.close()
    expect(statSync(database).mode & 0o777).toBe(0o640)
    expect(existsSync(`${database}-wal`)).toBe(false)
    for (const place of [elsewhere, work, path.dirname(work), process.cwd()]) {
      expect(existsSync(path.join(place, 'canary'))).toBe(false)
    }
  })

  it('stops at a damaged archive before it touches anything', async () => {
    const { folder, work } = await folderSnapshot()
    const archive = path.join(folder, 'config/compose.yaml')
    chmodSync(archive, 0o600)
    writeFileSync(archive, 'services: {x: 1}\n')
    const script = scriptOf(readFileSync(path.join(folder, 'RESTORE.md'), 'utf8'))
    const run = spawnSync('bash', ['-e', '-c', script], { cwd: folder, encoding: 'utf8' })
    expect(run.status).toBe(1)
    expect(run.stdout).toContain('config/compose.yaml: FAILED')
    expect(existsSync(path.join(work, '.env'))).toBe(false)
  })

  it('keeps names on their line', async () => {
    const { manifest } = await folderSnapshot()
    const guide = restoreGuide({
      manifest: {
        ...manifest,
        outcome: 'partial',
        stack: { ...manifest.stack, name: '```\nevil\n# x' },
      },
      databases: [],
      helperImage: null,
    })
    expect(guide).not.toMatch(/^evil/m)
    expect(guide).toMatch(/is partial/)
    expect(guide).toMatch(/^- bind:\/x: a cache\?of nothing$/m)
  })

  it('stops, fills, loads and starts a compose stack in this order, and starts only what ran', async () => {
    const { manifest } = await folderSnapshot()
    const service = (name: string, state: string, engine: string | null) => ({
      name,
      containerName: `app-${name}-1`,
      image: 'image',
      imageId: 'id',
      imageDigests: [],
      state,
      engine,
      version: null,
      dependsOn: [],
    })
    const record = {
      ...manifest.artifacts[4]!,
      item: 'volume:files',
      path: 'volumes/files.tar.zst',
    }
    const docker: Manifest = {
      ...manifest,
      host: { ...manifest.host, kind: 'docker' },
      stack: {
        ...manifest.stack,
        kind: 'compose',
        workingDirectory: '/srv/app',
        configFiles: ['/srv/app/compose.yaml', '/etc/over ride.yaml'],
        environmentFiles: ['/srv/app/.env'],
        services: [
          service('db', 'running', 'postgres'),
          service('app', 'running', null),
          service('off', 'exited', null),
        ],
      },
      artifacts: [record],
      items: [itemOf('volume:files', 'volume', [record])],
    }
    const guide = restoreGuide({
      manifest: docker,
      databases: [{ service: 'db', text: '```sh\nload-db\n```' }],
      helperImage: 'postgres:17',
    })
    const script = scriptOf(guide)
    const order = [
      'sha256sum',
      'compose stop',
      'compose up --no-start',
      'volumes/files.tar.zst',
      '--wait db',
      'load-db',
      'compose up -d --no-recreate --wait db app',
    ]
    const places = order.map(each => script.indexOf(each))
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(places).not.toContain(-1)
    expect(script).not.toMatch(/up -d[^\n]* off/)
    expect(script).toContain(
      `-f "$WORKDIR"/compose.yaml -f '/etc/over ride.yaml' --env-file "$WORKDIR"/.env`,
    )
    expect(script).toContain('HELPER=postgres:17')
    execFileSync('bash', ['-n', '-c', script])
  })
})
