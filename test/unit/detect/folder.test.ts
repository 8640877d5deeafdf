import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { AppError } from '../../../src-main/contract/errors.ts'
import { defaultPolicy, type StackPolicy } from '../../../src-main/contract/model.ts'
import { detectStack, detectStacks } from '../../../src-main/engine/detect/detect.ts'
import type { Inventory } from '../../../src-main/engine/detect/inventory.ts'
import type { FolderHost } from '../../../src-main/engine/hosts/host.ts'
import { makeBackupPlan } from '../../../src-main/engine/plan/backup-plan.ts'
import type { EngineDeps } from '../../../src-main/engine/ports.ts'
import { testHost } from '../../fixtures/projects/facts.ts'

const signal = new AbortController().signal

function depsWith(policies: Readonly<Record<string, Partial<StackPolicy>>> = {}): EngineDeps {
  const silent = (): void => undefined
  return {
    paths: { config: '', state: '', cache: '', repository: '', settingsFile: '' },
    settings: {
      read: () =>
        Promise.resolve({
          schemaVersion: 1,
          repository: '',
          knownRepositories: {},
          hosts: [],
          policies,
        }),
      update: () => Promise.reject(new Error('detection changes no settings')),
      warnings: () => [],
    },
    secrets: {
      get: () => Promise.resolve(null),
      set: () => Promise.reject(new Error('detection keeps no secrets')),
      remove: () => Promise.resolve(),
      describe: () => '',
    },
    clock: { now: () => new Date('2026-11-28T12:00:00Z') },
    logger: { debug: silent, info: silent, warn: silent },
    env: {},
    homeDirectory: '/',
    version: '1',
  }
}

describe('detect/folder', () => {
  let root = ''
  const at = (name: string): string => path.join(root, name)

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lifeboat-folder-'))
  })

  afterEach(async () => {
    await rm(root, { recursive: true, force: true })
  })

  async function file(name: string, text = 'x', mode = 0o644): Promise<void> {
    await mkdir(path.dirname(at(name)), { recursive: true })
    await writeFile(at(name), text)
    await chmod(at(name), mode)
  }

  async function sqlite(name: string, isWal = false): Promise<DatabaseSync> {
    await mkdir(path.dirname(at(name)), { recursive: true })
    const database = new DatabaseSync(at(name))
    if (isWal) database.exec('pragma journal_mode = wal')
    database.exec('create table t (a); insert into t values (1)')
    return database
  }

  function host(): FolderHost {
    const summary = { ...testHost, id: `folder:${root}`, kind: 'folder' as const }
    return { kind: 'folder', summary, path: root, close: () => Promise.resolve() }
  }

  async function detect(
    policies?: Readonly<Record<string, Partial<StackPolicy>>>,
  ): Promise<readonly Inventory[]> {
    return detectStacks(host(), depsWith(policies), signal)
  }

  it('finds a stack in each sub-folder with a Compose file, an env file or a database', async () => {
    await file('one/compose.yaml', 'services: {}')
    await file('two/.env', 'A=1')
    ;(await sqlite('three/data/app.sqlite')).close()
    await file('four/readme.txt')
    await file('five/.env.example', 'A=1')
    await file('.hidden/.env', 'A=1')
    expect((await detect()).map(each => each.stack.name)).toEqual(['one', 'three', 'two'])
  })

  it('is itself a stack, and its sub-folders are part of it unless they are stacks', async () => {
    ;(await sqlite('app.db')).close()
    ;(await sqlite('data/inner.db')).close()
    await file('other/compose.yml', 'services: {}')
    const [outer, other] = (await detect()).toSorted((a, b) =>
      a.stack.name < b.stack.name ? -1 : 1,
    )
    const all = [outer, other].flatMap(each => (each === undefined ? [] : [each]))
    const main = all.find(each => each.workingDirectory === root)
    expect(main?.sqlite.map(each => each.path)).toEqual(['app.db', 'data/inner.db'])
    expect(main?.stack.items.find(each => each.id === `bind:${at('other')}`)).toMatchObject({
      decision: 'exclude',
    })
    expect(all.map(each => each.stack.name)).toContain('other')
    const plan = makeBackupPlan(main!, defaultPolicy, { repository: '/r', lifeboatVersion: '1' })
    expect(plan.steps.find(each => each.action === 'copy-bind')?.leaveOut).toEqual([
      'app.db',
      'app.db-journal',
      'app.db-shm',
      'app.db-wal',
      'data/inner.db',
      'data/inner.db-journal',
      'data/inner.db-shm',
      'data/inner.db-wal',
      'other',
    ])
  })

  it('accounts for everything of a gptchat, with modes and owners, and knows its database', async () => {
    const database = await sqlite('chat/data/admin.db', true)
    await file('chat/.env', 'ADMIN_DB_TYPE=sqlite\nADMIN_DB_PATH=data/admin.db\n', 0o600)
    await file('chat/config.php', '<?php')
    await file('chat/uploads/a.png')
    await file('chat/secrets/key.pem', 'k', 0o400)
    const [chat] = await detect()
    database.close()
    expect(chat?.stack).toMatchObject({ name: 'chat', kind: 'folder', coverage: 'covered' })
    expect(chat?.stack.items.map(each => [each.id, each.method, each.consistency])).toEqual([
      ['config:env', 'copy', 'app-consistent'],
      ['config:secrets', 'copy', 'app-consistent'],
      ['sqlite:data/admin.db', 'sqlite-backup', 'app-consistent'],
      [`bind:${at('chat')}`, 'copy', 'hot'],
    ])
    expect(chat?.sqlite).toMatchObject([{ path: 'data/admin.db', mount: null, hasLog: true }])
    expect(chat?.files.map(each => [path.basename(each.path), each.mode])).toEqual([
      ['.env', 0o600],
      ['key.pem', 0o400],
    ])
    const chosen = chat?.stack.findings.find(each => each.code === 'admin-database')
    expect(chosen).toMatchObject({ severity: 'info', item: 'sqlite:data/admin.db' })
  })

  it('says that the Postgres of a gptchat is not in the folder, without its password', async () => {
    await file(
      'chat/.env',
      'ADMIN_DB_TYPE=postgres\nADMIN_DATABASE_URL=postgres://u:hunter2@db.lan:5432/chat\n',
    )
    ;(await sqlite('chat/old.db')).close()
    const [chat] = await detect()
    expect(chat?.stack.coverage).toBe('partly')
    expect(chat?.stack.items.find(each => each.decision === 'cannot')?.id).toBe(
      'database:db.lan/chat',
    )
    expect(JSON.stringify(chat?.stack)).not.toContain('hunter2')
  })

  it.each([
    ['../elsewhere/admin.db', 'outside of this folder'],
    ['data/gone.db', 'no SQLite database at that place'],
  ])('says that the database at %s is missed', async (where, why) => {
    await file('chat/.env', `ADMIN_DB_PATH=${where}\n`)
    const [chat] = await detect()
    const row = chat?.stack.items.find(each => each.decision === 'cannot')
    expect(row?.reason).toContain(why)
    expect(chat?.stack.coverage).not.toBe('covered')
  })

  it('follows no links and survives odd names', async () => {
    await file('app/.env', 'A=1')
    await symlink('/', at('app/whole-host'))
    await symlink(at('app'), at('app/loop'))
    ;(await sqlite("app/it's $(touch x) `y`\n.db")).close()
    const [app] = await detect()
    expect(app?.sqlite.map(each => each.path)).toEqual(["it's $(touch x) `y`\n.db"])
    expect(await readdir(root)).toEqual(['app'])
  })

  it('warns when the Compose file names volumes that lie elsewhere', async () => {
    await file(
      'app/compose.yaml',
      'services: { a: { image: x } }\nvolumes: { db: {}, files: {} }\n',
    )
    const [app] = await detect()
    expect(app?.stack.findings.find(each => each.code === 'volumes-elsewhere')?.message).toContain(
      'db, files',
    )
  })

  it('honours what was decided', async () => {
    await file('app/.env', 'A=1')
    ;(await sqlite('app/cache.db')).close()
    const [app] = await detect({
      [`folder:${root}/app`]: { exclude: ['sqlite:cache.db # a cache'] },
    })
    expect(app?.stack.items.find(each => each.id === 'sqlite:cache.db')).toMatchObject({
      decision: 'exclude',
      reason: 'Left out by you: a cache',
    })
  })

  it('changes nothing, not even a time', async () => {
    await file('app/.env', 'A=1')
    const database = await sqlite('app/data/a.db', true)
    const state = async (): Promise<readonly unknown[]> =>
      Promise.all(
        (await readdir(root, { recursive: true })).toSorted().map(async name => {
          const { mtimeMs, ctimeMs, size, mode } = await stat(at(name))
          return [name, mtimeMs, ctimeMs, size, mode]
        }),
      )
    const before = await state()
    await detect()
    expect(await state()).toEqual(before)
    database.close()
  })

  it('refuses an unknown stack and says what was probably meant', async () => {
    await file('paperless/.env', 'A=1')
    const asked = detectStack(host(), 'papperless', depsWith(), signal)
    const error = await asked.then(
      () => null,
      (reason: unknown) => reason as AppError,
    )
    expect(error).toMatchObject({ code: 'unknown-stack', exitCode: 2 })
    expect(error?.hint).toBe('Did you mean paperless?')
    const { inventory, helper } = await detectStack(host(), 'paperless', depsWith(), signal)
    expect([inventory.stack.name, helper]).toEqual(['paperless', null])
  })

  it('says that a folder is not there', async () => {
    await rm(root, { recursive: true })
    await expect(detect()).rejects.toMatchObject({ code: 'path-missing' })
  })
})
