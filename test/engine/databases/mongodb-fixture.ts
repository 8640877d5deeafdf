import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Long, UUID } from 'bson'

import { ownerLabel, ownerValue } from '../../../lab/docker.ts'
import { waitFor } from '../../../lab/lib/wait.ts'
import { mongodb } from '../../../src-main/engine/databases/mongodb.ts'
import { findLogin, withConnection } from '../../../src-main/engine/databases/mongodb/login.ts'
import type { DatabaseFixture } from './fixture.ts'
import { type LabServer, startServer } from './lab-server.ts'

const user = 'ro,o=t'
const password = `p'a"s\\s $HOME \`id\` %s;#`
const main = 'quilltap'
const hostile = "a'b;(touch_canary)&|<>*?`id`-=ü"
const empty = 'leer'

/** The script beside this file, with MongoDB's own driver, in the server's network. */
export async function client(
  server: LabServer,
  command: string,
  ...words: readonly (string | { readonly password: string })[]
): Promise<string> {
  const login = words.find(word => typeof word === 'object') ?? { password }
  const input = await readFile(path.join(import.meta.dirname, 'mongodb-client.py'))
  return server.client.run(
    [
      ...['run', '--rm', '--interactive', '--log-driver=none'],
      ...['--label', `${ownerLabel}=${ownerValue}`, `--network=container:${server.name}`],
      ...['--env', 'MONGO_USER', '--env', 'MONGO_PASSWORD', 'lab/client:1', '-', command],
      ...words.filter(word => typeof word === 'string'),
    ],
    {
      input,
      env: { ...server.client.environment, MONGO_USER: user, MONGO_PASSWORD: login.password },
    },
  )
}

/** The members of a replica set know each other by a key. */
async function giveKey(container: string, docker: LabServer['client']): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lifeboat-key-'))
  try {
    const file = path.join(folder, 'key')
    await writeFile(file, randomBytes(48).toString('base64'), { mode: 0o400 })
    await docker.run(['cp', file, `${container}:/data/configdb/key`])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const mongoEnvironment = {
  MONGO_INITDB_ROOT_USERNAME: user,
  MONGO_INITDB_ROOT_PASSWORD: password,
}

/** A server by itself, without a replica set. */
export function startAlone(env: Readonly<Record<string, string>> = {}): Promise<LabServer> {
  return startServer({ image: 'mongo:6', env: { ...mongoEnvironment, ...env } })
}

async function start(
  more: { env?: Readonly<Record<string, string>>; docker?: readonly string[] } = {},
): Promise<LabServer> {
  const server = await startServer({
    image: 'mongo:6',
    env: { ...mongoEnvironment, ...more.env },
    docker: more.docker ?? [],
    command: ['mongod', '--replSet', 'rs0', '--keyFile', '/data/configdb/key'],
    setUp: giveKey,
  })
  await waitFor(
    'the replica set',
    async () => {
      // The image starts a server of its own first, which has no login and no replica set.
      const login = await findLogin(await server.context()).catch(() => null)
      if (login?.user !== user) return false
      return withConnection(login, async connection => {
        await connection.run('admin', { getCmdLineOpts: 1 })
        await connection.run('admin', {
          replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: '127.0.0.1:27017' }] },
        })
        return true
      }).catch(() => false)
    },
    { timeoutMs: 120_000 },
  )
  return server
}

const call =
  (command: string) =>
  async (server: LabServer, ...words: readonly string[]): Promise<void> => {
    await client(server, command, ...words)
  }

export const mongodbFixture: DatabaseFixture = {
  engine: mongodb,
  password,
  main,
  hostile,
  empty,
  large: 'large',
  pairTables: ['left_half', 'right_half'],
  passwordVariable: 'MONGO_INITDB_ROOT_PASSWORD',
  dumpProcess: 'cat',
  guideTool: 'mongorestore',
  crashWords: /Got signal|Fatal assertion|unclean shutdown/i,
  start,
  fill: server => call('fill')(server, main, hostile, empty),
  async fingerprint(server, database) {
    const text = await client(server, 'fingerprint', database)
    return text === '' ? null : createHash('sha256').update(text).digest('hex')
  },
  damage: call('damage'),
  lose: call('lose'),
  surroundings: server => client(server, 'surroundings'),
  async writePairs(server, database, goOn) {
    const login = await findLogin(await server.context())
    return withConnection(login, async connection => {
      let written = 0
      for (; goOn(); written += 1) {
        const transaction = {
          lsid: { id: new UUID(randomUUID()) },
          txnNumber: Long.ONE,
          autocommit: false,
        }
        await connection.run(database, {
          insert: 'left_half',
          documents: [{}],
          startTransaction: true,
          ...transaction,
        })
        await connection.run(database, { insert: 'right_half', documents: [{}], ...transaction })
        await connection.run('admin', { commitTransaction: 1, ...transaction })
      }
      return written
    })
  },
  breakLogin: server => call('password')(server, 'another one'),
  async hideTool(server) {
    await server.exec([
      'sh',
      '-c',
      'for f in $(which -a bash perl python3 nc); do mv "$f" "$f.hidden" || true; done',
    ])
  },
  grow: server => call('grow')(server, 'large'),
  async sessions(server) {
    return Number(await client(server, 'sessions'))
  },
}
