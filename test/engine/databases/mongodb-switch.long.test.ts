import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DriverContext } from '../../../src-main/engine/databases/database.ts'
import { mongodb } from '../../../src-main/engine/databases/mongodb.ts'
import { Connection } from '../../../src-main/engine/databases/mongodb/connection.ts'
import { findLogin, withConnection } from '../../../src-main/engine/databases/mongodb/login.ts'
import { toOrderedJson } from '../../../src-main/engine/databases/mongodb/ordered-json.ts'
import { rawDocument, textField } from '../../../src-main/engine/databases/mongodb/raw-bson.ts'
import * as switches from '../../../src-main/engine/databases/mongodb/switch.ts'
import { dump, type KeptDump, type LabServer, restore, sourceOf } from './lab-server.ts'
import { client, mongodbFixture, startAlone } from './mongodb-fixture.ts'

/** A connection that is gone after so many commands, as it is when the process is killed between two. */
function goneAfter(connection: Connection, commands: number): Connection {
  let left = commands
  const { documents, list } = Connection.prototype
  const mortal: Pick<Connection, 'run' | 'documents' | 'list' | 'close'> = {
    run: (...words) => {
      left -= 1
      if (left < 0) return Promise.reject(new Error('killed'))
      return connection.run(...words)
    },
    documents,
    list,
    close: () => connection.close(),
  }
  return mortal as Connection
}

/** Everything in a database, with what a restore may have left behind; read raw, in its order. */
async function describeAll(connection: Connection, database: string): Promise<string> {
  const lines: string[] = []
  for (const info of await connection.list(database, { listCollections: 1 })) {
    const name = textField(info, 'name') ?? ''
    const type = textField(info, 'type') ?? ''
    const hash = createHash('sha256')
    if (type !== 'view' && name !== 'system.views') {
      const indexes = name.startsWith('system.')
        ? []
        : await connection.list(database, { listIndexes: name })
      const hint = type === 'timeseries' ? {} : { hint: { $natural: 1 } }
      const documents = await connection.list(database, { find: name, ...hint })
      for (const each of [...indexes, ...documents]) hash.update(each)
    }
    const options = toOrderedJson(rawDocument(info, 'options') ?? Buffer.alloc(0))
    lines.push(`${name} ${type} ${options} ${hash.digest('hex')}`)
  }
  return lines.toSorted().join('\n')
}

/** All but the end of a stream. */
function half(stream: Readable): Readable {
  async function* cut(): AsyncGenerator<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
    const all = Buffer.concat(chunks)
    yield all.subarray(0, all.length - 40)
  }
  return Readable.from(cut(), { objectMode: false })
}

describe('databases/mongodb: a restore that is killed', () => {
  const database = 'kinds'
  let server: LabServer
  let context: DriverContext
  let kept: KeptDump
  let before: string
  let restored: string
  const look = async () => {
    const login = await findLogin(context)
    return withConnection(login, connection => describeAll(connection, database))
  }

  beforeAll(async () => {
    server = await mongodbFixture.start()
    context = await server.context()
    await mongodb.ready(context, 120_000)
    await client(server, 'fill_kinds', database)
    kept = await dump(mongodb, context, [database])
    restored = await look()
    await client(server, 'damage_kinds', database)
    before = await look()
    expect(before).not.toBe(restored)
  })
  afterAll(() => server.remove())

  /** Kills `step` after its first, second, … command, until it comes to its end; then puts things right. */
  const killEverywhere = async (
    prepare: (staged: { activate(): Promise<void> }) => Promise<void>,
    step: (connection: Connection, switching: switches.Switching) => Promise<unknown>,
  ): Promise<number> => {
    const login = await findLogin(context)
    for (let commands = 0; ; commands += 1) {
      let journal: Readonly<Record<string, string>> = {}
      const staged = await mongodb.stage(context, sourceOf(kept, database), each => {
        journal = each
        return Promise.resolve()
      })
      await prepare(staged)
      const switching = { database, id: journal['id'] ?? '', existed: true }
      const ended = await withConnection(login, connection =>
        step(goneAfter(connection, commands), switching).then(
          () => true,
          (error: unknown) => {
            if (error instanceof Error && error.message === 'killed') return false
            throw error
          },
        ),
      )
      await mongodb.recover(context, journal, 'discard')
      const found = await look()
      expect(found, `killed after ${commands} commands`).toBe(before)
      if (ended) return commands
    }
  }

  it('takes back what was there, wherever the switch was killed', async () => {
    const commands = await killEverywhere(() => Promise.resolve(), switches.activate)
    expect(commands).toBeGreaterThan(20)
  })

  it('takes back what was there, wherever the taking back was killed', async () => {
    const commands = await killEverywhere(staged => staged.activate(), switches.revert)
    expect(commands).toBeGreaterThan(15)
  })

  it('removes what was loaded by a process that was killed meanwhile', async () => {
    let journal: Readonly<Record<string, string>> = {}
    let startsLeft = Infinity
    const fresh = await server.context()
    const mortal: DriverContext = {
      ...fresh,
      place: {
        description: fresh.place.description,
        start: (...words) => {
          startsLeft -= 1
          if (startsLeft < 0) return Promise.reject(new Error('killed'))
          return fresh.place.start(...words)
        },
      },
    }
    const whole = sourceOf(kept, database)
    const source = {
      ...whole,
      artifacts: whole.artifacts.map(each => ({
        ...each,
        open: () => (startsLeft === Infinity ? each.open() : half(each.open())),
      })),
    }
    const staging = mongodb.stage(mortal, source, each => {
      journal = each
      // One connection to load over, none to clean up.
      startsLeft = 1
      return Promise.resolve()
    })
    await expect(staging).rejects.toThrow('breaks off')
    expect(await look()).toContain('lifeboat-')
    await mongodb.recover(context, journal, 'discard')
    expect(await look()).toBe(before)
  })

  it('ends what it began to remove, wherever that was killed', async () => {
    let journal: Readonly<Record<string, string>> = {}
    const staged = await mongodb.stage(context, sourceOf(kept, database), each => {
      journal = each
      return Promise.resolve()
    })
    await staged.activate()
    const login = await findLogin(context)
    const switching = { database, id: journal['id'] ?? '', existed: true }
    await withConnection(login, async connection => {
      await expect(switches.finalize(goneAfter(connection, 5), switching)).rejects.toThrow('killed')
    })
    await expect(staged.revert()).rejects.toMatchObject({ code: 'restore-failed' })
    await mongodb.recover(context, journal, 'finalize')
    expect(await look()).toBe(restored)
  })
})

describe('databases/mongodb: a server by itself', () => {
  const { main } = mongodbFixture
  let server: LabServer

  beforeAll(async () => {
    server = await startAlone({
      MONGO_INITDB_ROOT_PASSWORD: '',
      MONGO_INITDB_ROOT_PASSWORD_FILE: '/etc/hostname',
    })
    await mongodb.ready(await server.context(), 120_000)
  })
  afterAll(() => server.remove())

  it('reads the password from its file, and says that a dump is not point in time', async () => {
    const context = await server.context()
    const facts = await mongodb.examine(context)
    expect(facts.credentialSource).toBe('MONGO_INITDB_ROOT_PASSWORD_FILE')
    const password = (await server.exec(['cat', '/etc/hostname'])).trim()
    await client(server, 'fill_kinds', main, { password })
    const kept = await dump(mongodb, context, [main])
    expect(context.warnings.join()).toMatch(/^Not point in time: the server is no replica set/)
    expect(kept.counts[main]?.exact).toBe(false)
    expect(kept.facts[main]).toMatchObject({ pointInTime: false })
    const before = await client(server, 'fingerprint', main, { password })
    await client(server, 'damage_kinds', main, { password })
    expect(await restore(mongodb, context, sourceOf(kept, main))).toEqual(kept.counts[main])
    expect(await client(server, 'fingerprint', main, { password })).toBe(before)
  })

  it.each([['bash'], ['perl']])('finds another way in when there is no %s', async gone => {
    await server.exec(['sh', '-c', `f=$(command -v ${gone}) && mv "$f" "$f.hidden"`])
    const context = await server.context()
    const kept = await dump(mongodb, context, [main])
    await restore(mongodb, context, sourceOf(kept, main))
    // Nothing of ours is left when the connections are closed.
    const processes = await server.exec(['sh', '-c', 'cat /proc/[0-9]*/comm'])
    expect(processes).not.toMatch(/bash|perl|python/)
  })
})

describe('databases/mongodb: users and roles', () => {
  it('come back with their database, and their passwords work', async () => {
    const { main, hostile, empty } = mongodbFixture
    const server = await mongodbFixture.start()
    try {
      const context = await server.context()
      await mongodb.ready(context, 120_000)
      await client(server, 'fill', main, hostile, empty)
      const original = await client(server, 'fingerprint', main)
      const people = await client(server, 'surroundings')
      const kept = await dump(mongodb, context, [main])
      await client(server, 'drop_people', main)
      const without = await client(server, 'surroundings')
      const staged = await mongodb.stage(context, sourceOf(kept, main), () => Promise.resolve())
      await staged.discard()
      expect(await client(server, 'surroundings')).toBe(without)
      await restore(mongodb, context, sourceOf(kept, main))
      expect(await client(server, 'surroundings')).toBe(people)
      expect(await client(server, 'fingerprint', main)).toBe(original)
      expect((await client(server, 'log_in', main)).trim()).toBe('16')
    } finally {
      await server.remove()
    }
  })
})
