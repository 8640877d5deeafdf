import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterAll, describe, expect, it } from 'vitest'

import { inspectors } from '../../../../src-main/engine/lib/content/all.ts'
import type {
  ContentKind,
  InspectionResult,
} from '../../../../src-main/engine/lib/content/content.ts'
import { mongoArchive } from './mongo-sample.ts'

const fixtures = path.join(import.meta.dirname, '../../../fixtures/content')
const folder = mkdtempSync(path.join(tmpdir(), 'lifeboat-content-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function inspect(kind: ContentKind, bytes: Buffer, step = bytes.length): InspectionResult {
  const inspector = inspectors[kind](() => undefined)
  // One buffer for all chunks, as the thread that reads back has it.
  const scratch = Buffer.alloc(step)
  for (let at = 0; at < bytes.length; at += step) {
    const length = bytes.copy(scratch, 0, at, at + step)
    inspector.write(scratch.subarray(0, length))
    scratch.fill(0xaa)
  }
  return inspector.finish()
}

function fixture(name: string): Buffer {
  return readFileSync(path.join(fixtures, name))
}

function sqliteFile(): Buffer {
  const file = path.join(folder, 'sample.sqlite')
  rmSync(file, { force: true })
  const database = new DatabaseSync(file)
  database.exec('create table t (id integer primary key, text)')
  database.exec(
    'with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) insert into t select i, hex(randomblob(40)) from n',
  )
  database.close()
  return readFileSync(file)
}

function tarFile(): Buffer {
  const source = path.join(folder, 'tree')
  mkdirSync(path.join(source, 'sub'), { recursive: true })
  for (let index = 0; index < 60; index += 1) {
    writeFileSync(path.join(source, 'sub', `file ${index}`), Buffer.alloc(3000 + index, index))
  }
  return execFileSync('tar', ['--format=pax', '-C', source, '-cf', '-', '.'], {
    maxBuffer: 1 << 30,
  })
}

function mysqlText(): Buffer {
  const rows = Array.from(
    { length: 4000 },
    (_, index) => `INSERT INTO t VALUES (${index},'${'x'.repeat(30)}');`,
  )
  return Buffer.from(
    `-- MySQL dump 10.13\n\n${rows.join('\n')}\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n\n-- Dump completed on 2026-11-21  3:00:00\n`,
  )
}

/** One whole sample of each format; `slack`: how much of its end may be missing without loss of data. */
const samples: {
  name: string
  kind: ContentKind
  bytes: Buffer
  entries: number | null
  slack: number
}[] = [
  {
    name: 'a compressed pg_dump',
    kind: 'pg-custom',
    bytes: fixture('chat.dump'),
    entries: 21,
    slack: 0,
  },
  {
    name: 'an uncompressed pg_dump',
    kind: 'pg-custom',
    bytes: fixture('chat-plain.dump'),
    entries: 21,
    slack: 0,
  },
  {
    name: 'a pg_dump of the schema alone',
    kind: 'pg-custom',
    bytes: fixture('schema.dump'),
    entries: 13,
    slack: 0,
  },
  { name: 'a plain pg_dump', kind: 'pg-sql', bytes: fixture('chat.sql'), entries: null, slack: 2 },
  { name: 'a pg_dumpall', kind: 'pg-sql', bytes: fixture('cluster.sql'), entries: null, slack: 6 },
  {
    name: 'roles by pg_dumpall',
    kind: 'pg-sql',
    bytes: fixture('globals.sql'),
    entries: null,
    slack: 6,
  },
  { name: 'a mysqldump', kind: 'mysql-sql', bytes: mysqlText(), entries: null, slack: 30 },
  { name: 'a Redis file', kind: 'rdb', bytes: fixture('db.rdb'), entries: null, slack: 0 },
  { name: 'an SQLite file', kind: 'sqlite', bytes: sqliteFile(), entries: null, slack: 0 },
  {
    name: 'a mongodump archive',
    kind: 'mongo-archive',
    bytes: mongoArchive(),
    entries: 3,
    slack: 0,
  },
  { name: 'a tar', kind: 'tar', bytes: tarFile(), entries: 62, slack: 0 },
  {
    name: 'a JSON document',
    kind: 'json',
    bytes: Buffer.from(
      JSON.stringify({ list: Array.from({ length: 5000 }, (_, i) => ({ i, t: `}"\\${i}` })) }),
    ),
    entries: null,
    slack: 0,
  },
]

describe.each(samples)('lib/content: $name', ({ kind, bytes, entries, slack }) => {
  it('is accepted whole, however it is cut into chunks', () => {
    for (const step of [bytes.length, 65_536, 4096, 511, 13, 1]) {
      expect(inspect(kind, bytes, step)).toEqual({ complete: true, problem: null, entries })
    }
  })

  it('is refused when it is cut off anywhere', () => {
    const cuts = new Set([0, 1, 511, 512, bytes.length - slack - 1])
    for (let border = 65_536; border < bytes.length - slack; border += 65_536) cuts.add(border)
    for (let index = 0; index < 300; index += 1) {
      cuts.add(Math.floor(Math.random() * (bytes.length - slack)))
    }
    const accepted = [...cuts].filter(cut => {
      const result = inspect(kind, bytes.subarray(0, cut))
      if (!result.complete) expect(result.problem).toMatch(/\w/)
      return result.complete
    })
    // The blocks behind the end of a tar are padding: what holds the end is whole.
    const isPadding = (cut: number): boolean =>
      kind === 'tar' && cut % 512 === 0 && bytes.subarray(cut - 1024).every(byte => byte === 0)
    expect(accepted.filter(cut => !isPadding(cut))).toEqual([])
  })

  it('never throws, wherever a bit is flipped', () => {
    for (let round = 0; round < 200; round += 1) {
      const other = Buffer.from(bytes)
      const at = Math.floor(Math.random() * (round % 2 === 0 ? bytes.length : 600))
      other[at] = (other[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
      expect(() => inspect(kind, other)).not.toThrow()
    }
  })

  it('is refused when something follows its end', () => {
    if (['pg-sql', 'mysql-sql', 'sqlite'].includes(kind)) {
      const more = Buffer.concat([bytes, Buffer.from('DROP TABLE t;\n')])
      expect(inspect(kind, more).complete).toBe(false)
    } else {
      expect(inspect(kind, Buffer.concat([bytes, Buffer.alloc(512, 0x41)])).complete).toBe(false)
    }
  })

  it('is refused when its beginning is another', () => {
    const other = Buffer.from(bytes)
    if (kind === 'pg-sql' || kind === 'mysql-sql') return
    other[0] = (other[0] ?? 0) ^ 0x20
    expect(inspect(kind, other).complete).toBe(false)
  })
})

describe('lib/content: end marks', () => {
  it('notices every flipped bit of a Redis file by its own checksum', () => {
    const bytes = fixture('db.rdb')
    for (let index = 0; index < 200; index += 1) {
      const other = Buffer.from(bytes)
      const at = 9 + Math.floor(Math.random() * (bytes.length - 9))
      other[at] = (other[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
      expect(inspect('rdb', other).complete).toBe(false)
    }
  })

  it('accepts a Redis file without checksum, as rdbchecksum no writes it', () => {
    const bytes = Buffer.from(fixture('db.rdb'))
    bytes.fill(0, bytes.length - 8)
    expect(inspect('rdb', bytes).complete).toBe(true)
  })

  it("does not take one database's end mark for the end of a whole server's dump", () => {
    const text = fixture('cluster.sql').toString('latin1')
    const mark = '-- PostgreSQL database dump complete\n--\n\n'
    const cut = text.lastIndexOf(mark) + mark.length
    expect(inspect('pg-sql', Buffer.from(text.slice(0, cut), 'latin1')).complete).toBe(false)
  })

  it('wants the end of the guard that newer versions of pg_dump open', () => {
    const text = fixture('chat.sql').toString('latin1')
    expect(text).toContain('\\restrict ')
    const without = text.replace(/\\unrestrict \S+\n/, '')
    expect(inspect('pg-sql', Buffer.from(without, 'latin1')).complete).toBe(false)
    const neither = without.replace(/\\restrict \S+\n/, '')
    expect(inspect('pg-sql', Buffer.from(neither, 'latin1')).complete).toBe(true)
  })

  it('wants every collection of a mongodump to come to its end', () => {
    expect(inspect('mongo-archive', mongoArchive({ withoutEndOf: 'users' })).complete).toBe(false)
    expect(inspect('mongo-archive', mongoArchive({ view: true })).complete).toBe(true)
  })

  it('wants as many pages as the header of an SQLite file says', () => {
    const bytes = sqliteFile()
    expect(inspect('sqlite', bytes.subarray(0, bytes.length - 4096)).problem).toMatch(/pages/)
  })
})
