import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DriverContext } from '../../../src-main/engine/databases/database.ts'
import { postgres } from '../../../src-main/engine/databases/postgres.ts'
import { codeOf } from './database-suite.ts'
import { dump, type LabServer, restore, sourceOf, startServer } from './lab-server.ts'

const user = 'app-user'

describe('databases/postgres: a server that is set up otherwise', () => {
  let server: LabServer
  let context: DriverContext

  const psql = (database: string, sql: string): Promise<string> =>
    server.exec(
      [
        'sh',
        '-c',
        'PGPASSWORD=$(cat /etc/hostname) exec psql -X -A -t -q -v ON_ERROR_STOP=1 -p 6543 -U "$1" -d "$2"',
        'x',
        user,
        database,
      ],
      sql,
    )
  const plain = () => server.context({ options: { format: 'plain' } })
  const surroundings = () => psql(user, 'select datname from pg_database order by 1')

  beforeAll(async () => {
    // One file that the image has: it holds the name of the host, here user, password and database alike.
    server = await startServer({
      image: 'postgres:17',
      docker: ['--hostname', user],
      env: {
        POSTGRES_USER_FILE: '/etc/hostname',
        POSTGRES_PASSWORD_FILE: '/etc/hostname',
        POSTGRES_DB_FILE: '/etc/hostname',
        POSTGRES_INITDB_ARGS: '--locale=C --encoding=UTF8',
        PGDATA: '/srv/own/folder',
        PGPORT: '6543',
      },
    })
    await postgres.ready(await server.context(), 120_000)
    // The socket asks for the password too, so that the login must have read it.
    await server.exec([
      'sh',
      '-c',
      `sed -i 's/trust$/scram-sha-256/' "$PGDATA/pg_hba.conf" && kill -HUP 1`,
    ])
    await psql(
      user,
      `create extension pg_trgm; create table words (word text primary key);
       insert into words values ('ä'), ('Z'), ('a'), ('😀'), (''); create index on words using gin (word gin_trgm_ops)`,
    )
    await psql(user, 'create database second')
    await psql('second', 'create table numbers as select generate_series(1, 500) i')
    context = await server.context()
  })
  afterAll(() => server.remove())

  it('finds user, password and database in their files, the port and the data where they are', async () => {
    const facts = await postgres.examine(context)
    expect(facts.credentialSource).toContain('POSTGRES_PASSWORD_FILE')
    expect(facts.dataDirectory).toBe('/srv/own/folder')
    const own = facts.databases.filter(each => !each.system).map(each => each.name)
    expect(own).toEqual(expect.arrayContaining([user, 'second']))
    const container = await server.host.container(server.id)
    expect(postgres.detect(container)?.dataDirectory).toBe('/srv/own/folder')
  })

  it.each([['custom'], ['plain']])(
    'brings one of several databases back from a %s dump, in the C locale, the other untouched',
    async format => {
      const chosen = format === 'plain' ? await plain() : context
      const kept = await dump(postgres, chosen, [user, 'second'])
      const names = kept.artifacts.map(each => each.fileName)
      expect(names).toContain(format === 'plain' ? `${user}.sql` : `${user}.dump`)
      const words = 'select string_agg(word, $$,$$ order by word) from words'
      const before = await psql(user, words)
      await psql(user, 'delete from words')
      await psql('second', 'insert into numbers values (7)')
      const counts = await restore(postgres, chosen, sourceOf(kept, user))
      expect(counts).toEqual(kept.counts[user])
      expect(await psql(user, words)).toBe(before)
      expect((await psql('second', 'select count(*) from numbers')).trim()).toBe(
        format === 'plain' ? '502' : '501',
      )
      const collation = `select datcollate from pg_database where datname = '${user}'`
      expect((await psql(user, collation)).trim()).toBe('C')
    },
  )

  it('names what the server lacks or is too old for, before anything is made', async () => {
    const kept = await dump(postgres, context, [user])
    const source = sourceOf(kept, user)
    const before = await surroundings()
    await server.exec([
      'sh',
      '-c',
      'for file in $(find / -name pg_trgm.control -not -path "/proc/*"); do mv "$file" "$file.hidden"; done',
    ])
    const missing = await postgres.blockers(context, source)
    expect(missing.map(each => each.message).join()).toContain('pg_trgm')
    const error = await codeOf(postgres.stage(context, source, () => Promise.resolve()))
    expect(error.message).toContain('pg_trgm')
    expect(await surroundings()).toBe(before)
    const newer = {
      ...source.facts,
      serverVersionNumber: 190_001,
      serverVersion: '19.1',
      extensions: [],
    }
    const older = await postgres.blockers(context, { ...source, facts: newer })
    expect(older.map(each => each.code)).toEqual(['version-mismatch'])
    const refused = postgres.stage(context, { ...source, facts: newer }, () => Promise.resolve())
    expect((await codeOf(refused)).code).toBe('version-mismatch')
    expect(await surroundings()).toBe(before)
  })

  it('refuses a pg_dump that is older than the server before it runs', async () => {
    // No package source has two versions at once: what stands first on the PATH says of itself that it is old.
    const older = `#!/bin/sh
case $* in
  --version) echo "pg_dump (PostgreSQL) 15.8" ;;
  *nowhere*) exit 1 ;; # asked whether it knows Zstandard
  *) touch /tmp/ran; exit 1 ;;
esac
`
    const place = 'cat > /usr/local/bin/pg_dump && chmod 755 /usr/local/bin/pg_dump'
    await server.exec(['sh', '-c', place], older)
    const error = await codeOf(postgres.begin(await server.context(), [user]))
    expect(error).toMatchObject({ code: 'version-mismatch' })
    expect(error.message).toContain('15.8')
    const ran = await server.exec(['sh', '-c', 'rm /usr/local/bin/pg_dump; ls /tmp'])
    expect(ran.split('\n')).not.toContain('ran')
    expect((await dump(postgres, await server.context(), [user])).counts[user]?.exact).toBe(true)
  })
})
