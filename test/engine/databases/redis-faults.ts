import { describe, expect, it } from 'vitest'

import { waitFor } from '../../../lab/lib/wait.ts'
import type { DriverContext } from '../../../src-main/engine/databases/database.ts'
import { redis } from '../../../src-main/engine/databases/redis.ts'
import { codeOf } from './database-suite.ts'
import type { DatabaseFixture } from './fixture.ts'
import { dump, type LabServer, restore, sourceOf } from './lab-server.ts'
import { cli } from './redis-fixture.ts'

const database = 'data'

/** Enough keys that a save, slowed down, takes seconds. */
const someKeys = `EVAL "for i = 1, 3000 do redis.call('SET', 'key:' .. i, i) end" 0\nSAVE\n`

/** Fault 18 and what else only this engine can meet. */
export function redisFaults(fixture: DatabaseFixture): void {
  const program = fixture.label?.startsWith('valkey') === true ? 'valkey-server' : 'redis-server'

  const withServer = async (
    use: (server: LabServer, context: DriverContext) => Promise<void>,
    flags = '',
  ): Promise<void> => {
    const command = `exec ${program} --protected-mode no --requirepass "$REDIS_PASSWORD" ${flags}`
    const server = await fixture.start({ command: ['sh', '-c', command] })
    try {
      const context = await server.context()
      await redis.ready(context, 120_000)
      await use(server, context)
    } finally {
      await server.remove()
    }
  }

  describe(`databases/redis (${fixture.label ?? ''}): its own faults`, () => {
    it('waits for a save that runs, and makes one of its own after it', () =>
      withServer(async (server, context) => {
        await cli(server, `${someKeys}CONFIG SET rdb-key-save-delay 1000\nBGSAVE\nSET late 1\n`)
        const running = await cli(server, 'INFO persistence\n')
        expect(running).toContain('rdb_bgsave_in_progress:1')
        const kept = await dump(redis, context, [database])
        expect(kept.counts[database]).toEqual({ values: { db0: 3001 }, exact: true })
        const staged = await redis.stage(context, sourceOf(kept, database), () => Promise.resolve())
        expect(staged.counts.values).toEqual({ db0: 3001 })
        await staged.discard()
      }))

    it('fails when the save fails, and says whose words these are', () =>
      withServer(async (server, context) => {
        await cli(server, someKeys)
        // A file cannot take the place of a folder.
        await server.exec(['sh', '-c', 'rm /data/dump.rdb && mkdir -p /data/dump.rdb/in-the-way'])
        const error = await codeOf(redis.begin(context, [database]))
        expect(error.code).toBe('dump-incomplete')
        expect(error.details).toContain('rdb_last_bgsave_status')
        // A file of the day before would be no backup of today.
        await server.exec(['sh', '-c', 'rm -r /data/dump.rdb'])
        await dump(redis, await server.context(), [database])
      }))

    it('fails when the server says yes and its last save gets no newer', () =>
      withServer(async (server, context) => {
        await cli(server, someKeys)
        await server.exec([
          'sh',
          '-c',
          `client=$(which redis-cli) && mv "$client" "$client.real" && cat >"$client" <<END && chmod +x "$client"
#!/bin/sh
case "\\$*" in *BGSAVE*) echo Background saving started; exit 0 ;; esac
exec $client.real "\\$@"
END`,
        ])
        const error = await codeOf(redis.begin(context, [database]))
        expect(error.code).toBe('dump-incomplete')
        expect(error.details).toContain('no newer')
      }))

    it('dumps a server that only appends, leaves no file behind, and what it restores outlives a restart', () =>
      withServer(async (server, context) => {
        await cli(server, someKeys.replace('SAVE\n', ''))
        const original = await fixture.fingerprint(server, database)
        const kept = await dump(redis, context, [database])
        expect(await server.exec(['ls', '-A', '/data'])).not.toContain('dump.rdb')
        await cli(server, 'FLUSHALL\nSET unwanted 1\n')
        await restore(redis, context, sourceOf(kept, database))
        expect(await fixture.fingerprint(server, database)).toBe(original)
        await server.client.run(['restart', '-t', '20', server.name])
        await redis.ready(await server.context(), 120_000)
        expect(await fixture.fingerprint(server, database)).toBe(original)
      }, `--appendonly yes --save ''`))

    it('keeps what it restored over a kill, and goes back by the journal alone', () =>
      withServer(async (server, context) => {
        await cli(server, someKeys)
        const original = await fixture.fingerprint(server, database)
        const kept = await dump(redis, context, [database])
        await cli(server, 'DEL key:1\nSET unwanted 1\nSAVE\n')
        const damaged = await fixture.fingerprint(server, database)
        let journal: Readonly<Record<string, string>> = {}
        const staged = await redis.stage(context, sourceOf(kept, database), each => {
          journal = each
          return Promise.resolve()
        })
        await staged.activate()
        await server.client.run(['kill', server.name])
        await server.client.run(['start', server.name])
        const fresh = await server.context()
        await redis.ready(fresh, 120_000)
        expect(await fixture.fingerprint(server, database)).toBe(original)
        await redis.recover(fresh, journal, 'discard')
        expect(await fixture.fingerprint(server, database)).toBe(damaged)
        expect(await server.exec(['ls', '-A', '/data'])).not.toContain('lifeboat')
        expect(await cli(server, 'ROLE\n')).toMatch(/^master/)
      }))

    it('logs in as the ACL user that was named, and tells what that user may not do', () =>
      withServer(async server => {
        await cli(
          server,
          `${someKeys}ACL SETUSER keeper on >a-word ~* &* +@all\nACL SETUSER reader on >a-word ~* +@read +ping +info\n`,
        )
        await cli(server, 'ACL SETUSER default off\n')
        expect((await codeOf(redis.examine(await server.context()))).code).toBe('database-login')
        const keeper = await server.context({ options: { user: 'keeper', password: 'a-word' } })
        const kept = await dump(redis, keeper, [database])
        expect(kept.counts[database]?.values).toEqual({ db0: 3000 })
        await restore(redis, keeper, sourceOf(kept, database))
        expect(await redis.count(keeper, database)).toEqual(kept.counts[database])
        const reader = await server.context({ options: { user: 'reader', password: 'a-word' } })
        const error = await codeOf(redis.begin(reader, [database]))
        expect(error.message + (error.details ?? '')).toContain('NOPERM')
        expect(JSON.stringify([error.message, error.details, error.hint])).not.toContain('a-word')
      }))

    it('names an older server before anything starts, and leaves its neighbour alone', () =>
      withServer((server, context) =>
        withServer(async (neighbour, other) => {
          await cli(server, someKeys)
          await cli(neighbour, 'SET other 1\n')
          const before = await fixture.fingerprint(neighbour, database)
          const kept = await dump(redis, context, [database])
          const source = sourceOf(kept, database)
          const facts = { ...source.facts, serverVersion: '99.0.0' }
          const blockers = await redis.blockers(other, { ...source, facts })
          expect(blockers.map(each => each.code)).toEqual(['version-mismatch'])
          await codeOf(redis.stage(other, { ...source, facts }, () => Promise.resolve()))
          await restore(redis, context, source)
          expect(await fixture.fingerprint(neighbour, database)).toBe(before)
        }),
      ))

    it('fails when the container is killed while its file is read', () =>
      withServer(async (server, context) => {
        await fixture.grow(server)
        const session = await redis.begin(context, [database])
        const [artifact] = session.artifacts
        if (artifact === undefined) throw new Error('no artifact')
        const source = await artifact.open()
        await server.client.run(['kill', server.name])
        source.stream.resume()
        source.stream.on('error', () => undefined)
        const proof = await source.proof
        expect(proof.exitCode === 0 && proof.failure === undefined).toBe(false)
        await session.close().catch(() => undefined)
        await waitFor('the end of the container', async () => {
          const { stdout } = await server.client.try([
            'inspect',
            '-f',
            '{{.State.Running}}',
            server.name,
          ])
          return stdout.toString().trim() === 'false'
        })
      }))
  })
}
