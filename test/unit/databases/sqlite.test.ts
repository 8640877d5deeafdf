import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { copySqliteLocal, settleSqliteCopy } from '../../../src-main/engine/databases/sqlite.ts'

let folder: string
const { signal } = new AbortController()

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lifeboat-sqlite-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function fill(file: string, mode: 'wal' | 'delete', rows = 5000): DatabaseSync {
  const database = new DatabaseSync(file)
  database.exec(`pragma journal_mode = ${mode}; create table notes (id integer primary key, body text, raw blob);
    create table "odd ""name" (a); insert into "odd ""name" values (1), (2);
    create virtual table words using fts5(body); create table spare (a);
    create index by_body on notes (body)`)
  const insert = database.prepare('insert into notes (body, raw) values (?, ?)')
  database.exec('begin')
  for (let index = 0; index < rows; index += 1)
    insert.run(`Notiz ${index} 😀 ''`, Buffer.alloc(50, index))
  database.exec(`commit; insert into words values ('ein Wort')`)
  return database
}

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}

/** A process that writes pairs of rows in transactions until it is killed. */
function startWriter(file: string): { stop(): Promise<void> } {
  const script = `
    const { DatabaseSync } = require('node:sqlite')
    const db = new DatabaseSync(process.argv[1], { timeout: 20000 })
    db.exec('create table if not exists l (a); create table if not exists r (a)')
    console.log('ready')
    for (let i = 0; ; i++) { db.exec('begin immediate'); db.exec("insert into l values (hex(randomblob(500)))"); db.exec("insert into r values (1)"); db.exec('commit') }`
  const child = spawn(process.execPath, ['-e', script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ready = new Promise(resolve => child.stdout.once('data', resolve))
  const closed = new Promise(resolve => child.once('close', resolve))
  return {
    async stop() {
      await ready
      child.kill('SIGKILL')
      await closed
    },
  }
}

describe('databases/sqlite: online copy', () => {
  it.each(['wal', 'delete'] as const)(
    'copies one moment of a %s database that is written to',
    async mode => {
      const file = path.join(folder, 'app.db')
      fill(file, mode).close()
      const writer = startWriter(file)
      await new Promise(resolve => setTimeout(resolve, 700))
      try {
        for (let round = 0; round < 3; round += 1) {
          const copy = await copySqliteLocal(file, {
            workFolder: path.join(folder, 'work'),
            signal,
          })
          expect(copy.integrity).toBe('ok')
          expect(copy.warnings).toEqual([])
          expect(copy.counts.values).toMatchObject({ notes: 5000, '"odd ""name"': 2, spare: 0 })
          expect(copy.counts.values['l']).toBe(copy.counts.values['r'])
          expect(copy.counts.values['l']).toBeGreaterThan(0)
          expect(await readdir(path.join(folder, 'work'))).toEqual(['database'])
          await copy.dispose()
        }
      } finally {
        await writer.stop()
      }
    },
  )

  it('takes in what is in the log alone, and gives a stream with its proof', async () => {
    const file = path.join(folder, 'app.db')
    const database = fill(file, 'wal')
    database.exec('pragma wal_autocheckpoint = 0; insert into spare values (1)')
    const before = [await hashOf(file), await hashOf(`${file}-wal`)]
    const copy = await copySqliteLocal(file, { workFolder: path.join(folder, 'work'), signal })
    expect(copy.counts.values['spare']).toBe(1)
    const source = await copy.open()
    const hash = createHash('sha256')
    for await (const chunk of source.stream as AsyncIterable<Buffer>) hash.update(chunk)
    expect((await source.proof).streamSha256).toBe(hash.digest('hex'))
    expect([await hashOf(file), await hashOf(`${file}-wal`)]).toEqual(before)
    database.close()
  })

  it('says that another program keeps it locked', async () => {
    const file = path.join(folder, 'app.db')
    const database = fill(file, 'delete', 10)
    database.exec('pragma locking_mode = exclusive; begin exclusive')
    await expect(
      copySqliteLocal(file, { workFolder: path.join(folder, 'work'), signal }),
    ).rejects.toMatchObject({
      code: 'command-failed',
      message: expect.stringContaining('locked') as string,
    })
    database.close()
  }, 60_000)

  it('is stopped by its signal', async () => {
    const file = path.join(folder, 'app.db')
    fill(file, 'wal').close()
    const abort = new AbortController()
    const copying = copySqliteLocal(file, {
      workFolder: path.join(folder, 'work'),
      signal: abort.signal,
    })
    abort.abort()
    await expect(copying).rejects.toThrow()
  })

  it('says that the file is gone', async () => {
    await expect(
      copySqliteLocal(path.join(folder, 'none.db'), { workFolder: folder, signal }),
    ).rejects.toMatchObject({ code: 'path-missing' })
  })
})

describe('databases/sqlite: copied files', () => {
  it('recovers a log that was copied beside its database', async () => {
    const file = path.join(folder, 'app.db')
    const database = fill(file, 'wal')
    database.exec('pragma wal_autocheckpoint = 0; insert into spare values (1), (2)')
    const work = path.join(folder, 'work')
    await copySqliteTogether(file, work)
    database.close()
    const copy = await settleSqliteCopy(work, 'database', { signal })
    expect(copy.integrity).toBe('ok')
    expect(copy.counts.values['spare']).toBe(2)
    // One file is enough: opened elsewhere, without any log.
    const alone = path.join(folder, 'alone.db')
    await copyFile(copy.file ?? '', alone)
    const opened = new DatabaseSync(alone)
    expect(opened.prepare('select count(*) n from spare').get()).toEqual({ n: 2 })
    expect(opened.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
    opened.close()
    await copy.dispose()
  })

  it('takes back a transaction that had not ended', async () => {
    const file = path.join(folder, 'app.db')
    const database = fill(file, 'delete', 20_000)
    database.exec(
      'pragma cache_spill = 10; pragma cache_size = 10; begin; delete from notes where id > 10',
    )
    const work = path.join(folder, 'work')
    await copySqliteTogether(file, work)
    database.close()
    expect(await readdir(work)).toContain('database-journal')
    const copy = await settleSqliteCopy(work, 'database', { signal })
    expect(copy.integrity).toBe('ok')
    expect(copy.counts.values['notes']).toBe(20_000)
  })

  it('keeps a damaged database byte for byte, with its log', async () => {
    const file = path.join(folder, 'app.db')
    const database = fill(file, 'wal')
    database.exec(
      'pragma wal_checkpoint(truncate); pragma wal_autocheckpoint = 0; insert into spare values (1)',
    )
    const work = path.join(folder, 'work')
    await copySqliteTogether(file, work)
    database.close()
    const handle = await open(path.join(work, 'database'), 'r+')
    await handle.write(Buffer.alloc(20_000, 0xa5), 0, 20_000, 40_000)
    await handle.close()
    const before = await Promise.all(
      ['', '-wal'].map(each => hashOf(path.join(work, `database${each}`))),
    )
    const copy = await settleSqliteCopy(work, 'database', { signal })
    expect(copy.integrity).toBe('damaged')
    expect(copy.warnings.join()).toMatch(/damaged/)
    expect(copy.raw.map(each => each.fileName)).toEqual(['database', 'database-wal'])
    expect(await Promise.all(copy.raw.map(each => hashOf(each.path)))).toEqual(before)
    await expect(copy.open()).rejects.toMatchObject({ code: 'dump-incomplete' })
  })

  it('keeps a file that is no database at all', async () => {
    await writeFile(path.join(folder, 'database'), Buffer.alloc(8192, 7))
    const copy = await settleSqliteCopy(folder, 'database', { signal })
    expect(copy.integrity).toBe('damaged')
    expect(copy.raw).toHaveLength(1)
  })

  it('checks what it can when the app brings its own collation', async () => {
    const file = path.join(folder, 'database')
    const database = fill(file, 'delete', 100)
    database.exec('drop index by_body; create index by_body on notes (body collate rtrim)')
    database.close()
    const bytes = await readFile(file)
    bytes.write('local', bytes.indexOf('collate rtrim') + 'collate '.length)
    await writeFile(file, bytes)
    const copy = await settleSqliteCopy(folder, 'database', { signal })
    expect(copy.integrity).toBe('ok')
    expect(copy.warnings.join()).toMatch(/no such collation/)
    expect(copy.counts.values['notes']).toBe(100)
  })
})

async function copySqliteTogether(file: string, work: string): Promise<void> {
  const { mkdir } = await import('node:fs/promises')
  await mkdir(work, { recursive: true })
  for (const ending of ['', '-wal', '-journal']) {
    await copyFile(file + ending, path.join(work, `database${ending}`)).catch(() => undefined)
  }
}
