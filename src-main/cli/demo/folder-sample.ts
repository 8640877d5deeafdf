import { copyFile, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { describeTree, type Facts, sha256 } from './facts.ts'
import { type Sample, STACK } from './sample.ts'
import { writeSecrets, writeUploads, writeWithMode } from './sample-files.ts'

const tables = ['members', 'rooms', 'messages'] as const
const database = path.join('data', 'harbour.db')
const databaseFiles = ['', '-wal', '-shm', '-journal'].map(suffix => database + suffix)

/** The sample without Docker: a chat server in a plain folder, with SQLite in WAL mode. */
export async function folderSample(home: string): Promise<Sample> {
  const parent = path.join(home, 'stacks')
  const folder = path.join(parent, STACK)
  const file = path.join(folder, database)
  await mkdir(path.join(folder, 'data'), { recursive: true })
  await writeSecrets(folder)
  await writeWithMode(path.join(folder, 'config.yaml'), 'title: Harbour\nport: 8080\n', 0o644)
  await writeUploads(path.join(folder, 'uploads'))
  await writeDatabase(path.join(home, 'making.db'), file)
  return {
    kind: 'folder',
    host: `folder:${parent}`,
    stack: STACK,
    about:
      'A chat server in a plain folder: SQLite with 5,000 messages, uploads, .env, a secret key.',
    describe: async () =>
      new Map([...describeDatabase(file), ...(await describeTree(folder, databaseFiles))]),
    async damage() {
      const open = new DatabaseSync(file)
      open.exec('drop table messages; delete from members where id % 2 = 0;')
      open.close()
      await rm(path.join(folder, 'uploads'), { recursive: true })
      await rm(path.join(folder, '.env'))
      await rm(path.join(folder, 'secrets', 'signing-key.pem'))
      return [
        'table messages dropped, half of the members deleted',
        'uploads/ deleted with everything in it',
        '.env and the signing key deleted',
      ]
    },
    remove: async () => {
      await rm(parent, { recursive: true, force: true })
    },
  }
}

/**
 * Fills a database and copies it while it is open, so that its newest rows are still in the write-ahead log
 * alone: a careless copy of the main file would miss them.
 */
async function writeDatabase(making: string, file: string): Promise<void> {
  const open = new DatabaseSync(making)
  open.exec(`
    pragma journal_mode = wal;
    create table members (id integer primary key, name text not null unique, joined text not null);
    create table rooms (id integer primary key, title text not null);
    create table messages (
      id integer primary key,
      room integer not null references rooms (id),
      author integer not null references members (id),
      body text not null
    );
    create index messages_by_room on messages (room, id);
    insert into rooms (title) values ('Quay'), ('Káva & tea'), ('Lost and found'), ('⛵');`)
  const member = open.prepare('insert into members (name, joined) values (?, ?)')
  for (let number = 1; number <= 200; number += 1) {
    member.run(`member ${String(number)}`, `2026-01-${String(1 + (number % 28)).padStart(2, '0')}`)
  }
  const message = open.prepare('insert into messages (room, author, body) values (?, ?, ?)')
  open.exec('pragma wal_checkpoint(truncate); pragma wal_autocheckpoint = 0; begin')
  for (let number = 1; number <= 5_000; number += 1) {
    const body = `Message ${String(number)}: “it's ${'very '.repeat(number % 7)}windy”`
    message.run(1 + (number % 4), 1 + (number % 200), body)
  }
  open.exec('commit')
  await copyFile(making, file)
  await copyFile(`${making}-wal`, `${file}-wal`)
  open.close()
  await rm(making)
}

/** Schema, integrity, and for each table the number and the hash of its rows. */
function describeDatabase(file: string): Facts {
  const facts = new Map<string, string>()
  const open = new DatabaseSync(file)
  try {
    const schema = open.prepare('select name, sql from sqlite_schema order by name').all()
    for (const { name, sql } of schema) {
      facts.set(`definition of ${String(name)}`, String(sql))
    }
    const present = new Set(schema.map(({ name }) => name))
    for (const table of tables.filter(each => present.has(each))) {
      const rows = open.prepare(`select * from ${table} order by id`).all()
      facts.set(`rows of ${table}`, String(rows.length))
      facts.set(`hash of ${table}`, sha256(JSON.stringify(rows)))
    }
    const [check] = open.prepare('pragma integrity_check').all()
    facts.set('integrity of the database', String(check?.['integrity_check']))
  } finally {
    open.close()
  }
  return facts
}
