import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { lookAtFiles, lookIntoMounts } from '../../../src-main/engine/detect/search.ts'
import type { Helper } from '../../../src-main/engine/hosts/helper.ts'
import { encodePath } from '../../../src-main/engine/lib/path-bytes.ts'
import { thisComputer } from '../../../src-main/engine/lib/run-local.ts'

const signal = new AbortController().signal
const minute = 60_000

function sqlite(file: string): void {
  const database = new DatabaseSync(file)
  database.exec('create table t (a); insert into t values (1)')
  database.close()
}

/** The script runs on this computer here; in containers, with GNU and busybox tools, in test/engine. */
function helperFor(mounts: Readonly<Record<string, string>>): Helper {
  return {
    containerId: '',
    image: '',
    tools: {
      tar: 'gnu',
      zstd: true,
      sha256: null,
      shell: true,
      find: 'gnu',
      getfattr: false,
      socketClient: null,
    },
    place: thisComputer,
    pathOf: mount => mounts[mount] ?? null,
    missing: [{ mount: 'bind:/gone', reason: 'bind source path does not exist.' }],
    close: () => Promise.resolve(),
  }
}

describe('detect/search', () => {
  let root = ''
  const canary = (): string => path.join(root, 'canary')

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lifeboat-search-'))
    const file = async (name: string, text = 'x'): Promise<void> => {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true })
      await writeFile(path.join(root, name), text)
    }
    await mkdir(path.join(root, 'empty'))
    await mkdir(path.join(root, 'ours/.lifeboat-1234'), { recursive: true })
    sqlite(path.join(root, 'ours/.lifeboat-1234/staged.db'))
    await mkdir(path.join(root, 'app/deep/er'), { recursive: true })
    sqlite(path.join(root, 'app/main.db'))
    sqlite(path.join(root, 'app/no-extension'))
    sqlite(path.join(root, "app/deep/er/it's; touch $(canary) `x`.sqlite3"))
    sqlite(path.join(root, 'app/-rf'))
    sqlite(path.join(root, 'app/new\nline.db'))
    sqlite(path.join(root, 'app/ünïcode *?[x].db'))
    await file('app/main.db-wal', 'log')
    await file('app/not-a-database.db', 'SQLite format 4')
    await file('app/short.db', 'SQLite')
    await file('app/zero.db', '')
    await writeFile(
      Buffer.concat([Buffer.from(path.join(root, 'app/')), encodePath('b\udcffd.db')]),
      Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(500)]),
    )
    await symlink('/etc/passwd', path.join(root, 'app/link.db'))
    for (let index = 0; index < 300; index++) await file(`many/file-${index}.bin`, 'data')
    sqlite(path.join(root, 'many/hidden.bin'))
    await file('gitlab/postgresql/data/global/pg_control')
    await file('gitlab/mysql/ibdata1')
    await file('space/PG_17_202406281/1/2')
    await file('parent/18/docker/PG_VERSION')
    sqlite(path.join(root, 'parent/18/docker/inside.db'))
    await file('parent/custom.cnf')
    await file('parent/.psql_history')
    await file('only-data/18/docker/PG_VERSION')
    sqlite(path.join(root, 'alone.db'))
    execFileSync('mkfifo', [path.join(root, 'pipe')])
  })

  afterAll(async () => {
    await rm(root, { recursive: true, force: true })
  })

  async function search(name: string, mode: 'look' | 'search' = 'search', leaveOut: string[] = []) {
    const helper = helperFor({ m: path.join(root, name) })
    const found = await lookIntoMounts(helper, [{ mount: 'm', mode, leaveOut }], signal, minute)
    const facts = found.get('m')
    if (facts === undefined) throw new Error('no answer')
    return facts
  }

  it('finds SQLite databases by their header, whatever they are called', async () => {
    const { sqlite: found, searched } = await search('app')
    expect(searched).toBe(true)
    expect(found.map(each => each.path).toSorted()).toEqual(
      [
        '-rf',
        'b\udcffd.db',
        "deep/er/it's; touch $(canary) `x`.sqlite3",
        'main.db',
        'new\nline.db',
        'no-extension',
        'ünïcode *?[x].db',
      ].toSorted(),
    )
    expect(found.find(each => each.path === 'main.db')).toMatchObject({
      hasLog: true,
      sizeBytes: 8192,
    })
    expect(found.find(each => each.path === '-rf')?.hasLog).toBe(false)
    expect(execFileSync('ls', [root]).toString()).not.toContain('canary')
    expect(canary()).not.toBe('')
  })

  it('finds one among many', async () => {
    expect((await search('many')).sqlite.map(each => each.path)).toEqual(['hidden.bin'])
  })

  it('tells an empty folder, and does not count what is ours', async () => {
    expect(await search('empty')).toMatchObject({ type: 'directory', empty: true, sizeBytes: 0 })
    expect(await search('ours')).toMatchObject({ empty: true, sqlite: [] })
    expect((await search('many', 'look')).empty).toBe(false)
  })

  it('knows the files of database servers', async () => {
    expect(
      (await search('gitlab')).signatures.toSorted((a, b) => a.store.localeCompare(b.store)),
    ).toEqual([
      { store: 'mysql', path: 'mysql/ibdata1' },
      { store: 'postgres', path: 'postgresql/data' },
    ])
    expect((await search('space')).signatures).toEqual([
      { store: 'postgres-tablespace', path: 'PG_17_202406281' },
    ])
  })

  it('leaves out a data folder and tells what lies beside it', async () => {
    const facts = await search('parent', 'search', ['18/docker'])
    expect(facts.sqlite).toEqual([])
    expect(facts.others).toEqual(['custom.cnf'])
    expect((await search('only-data', 'search', ['18/docker'])).others).toEqual([])
  })

  it('treats the pattern signs of a folder to leave out as letters', async () => {
    const facts = await search('app', 'search', ['*'])
    expect(facts.sqlite.length).toBe(7)
  })

  it('looks at a single file, a missing one, and what is no file', async () => {
    expect(await search('alone.db')).toMatchObject({
      type: 'file',
      empty: false,
      sqlite: [{ path: '' }],
    })
    expect(await search('nowhere')).toMatchObject({ type: 'missing' })
    expect(await search('pipe')).toMatchObject({ type: 'other' })
  })

  it('looks into many mounts with one command and keeps them apart', async () => {
    const names = ['app', 'many', 'empty', 'parent']
    const helper = helperFor(Object.fromEntries(names.map(name => [name, path.join(root, name)])))
    const wanted = [...names, 'bind:/gone'].map(mount => ({
      mount,
      mode: 'search' as const,
      leaveOut: mount === 'parent' ? ['18', 'x'] : [],
    }))
    const found = await lookIntoMounts(helper, wanted, signal, minute)
    expect([...found].map(([mount, facts]) => [mount, facts.sqlite.length, facts.empty])).toEqual(
      expect.arrayContaining([
        ['app', 7, false],
        ['many', 1, false],
        ['empty', 0, true],
        ['parent', 0, false],
        ['bind:/gone', 0, false],
      ]),
    )
    expect(found.get('bind:/gone')).toMatchObject({
      type: 'missing',
      problem: 'bind source path does not exist',
    })
  })

  it('tells what was not reached when time runs out', async () => {
    const slow = helperFor({ a: path.join(root, 'app'), b: path.join(root, 'many') })
    const found = await lookIntoMounts(
      slow,
      ['a', 'b'].map(mount => ({ mount, mode: 'search', leaveOut: [] })),
      signal,
      1,
    )
    expect([...found.keys()]).toEqual(['a', 'b'])
    expect(found.get('b')).toMatchObject({ searched: false, problem: 'the search was cut short' })
  })

  it('stops when the run is cancelled', async () => {
    const controller = new AbortController()
    controller.abort()
    const search = [{ mount: 'm', mode: 'search', leaveOut: [] }] as const
    await expect(
      lookIntoMounts(helperFor({ m: root }), search, controller.signal, minute),
    ).rejects.toThrow()
  })

  it('tells of files, links and folders, and reads texts', async () => {
    const folder = path.join(root, 'files')
    await mkdir(path.join(folder, 'secrets'), { recursive: true })
    await writeFile(path.join(folder, '.env'), 'A=ü\n\nB=2\n', { mode: 0o640 })
    await writeFile(path.join(folder, 'secrets/key.pem'), 'k', { mode: 0o600 })
    await symlink('/nowhere/else', path.join(folder, 'dangling'))
    await symlink('.env', path.join(folder, 'linked'))
    const at = (name: string): string => path.join(folder, name)
    const found = await lookAtFiles(
      thisComputer,
      [at('secrets'), at('dangling'), at('gone')],
      [at('.env'), at('linked')],
      signal,
    )
    expect(found.get(at('.env'))).toMatchObject({
      type: 'file',
      mode: 0o640,
      text: 'A=ü\n\nB=2\n',
      link: null,
    })
    expect(found.get(at('linked'))).toMatchObject({
      type: 'file',
      link: '.env',
      text: 'A=ü\n\nB=2\n',
    })
    expect(found.get(at('secrets'))).toMatchObject({ type: 'directory', text: null })
    expect(found.get(at('secrets/key.pem'))).toMatchObject({
      mode: 0o600,
      sizeBytes: 1,
      text: null,
    })
    expect(found.get(at('dangling'))).toMatchObject({ type: 'missing', link: '/nowhere/else' })
    expect(found.get(at('gone'))).toMatchObject({ type: 'missing', link: null })
  })
})
