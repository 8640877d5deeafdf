import { z } from 'zod'

import type { Counts } from '../database.ts'
import { factsOf } from '../tools/stored-facts.ts'
import type { Login } from './login.ts'

/** The one database that a server is to a backup: all its numbered ones. */
export const WHOLE_SERVER = 'data'

export const factsSchema = z.object({
  /** Version of this record. */
  format: z.literal(1),
  flavor: z.enum(['redis', 'valkey']),
  serverVersion: z.string(),
  appendOnly: z.boolean(),
})

export type RedisFacts = z.infer<typeof factsSchema>

/** Reads one section of INFO: name → value. */
export async function info(login: Login, section: string): Promise<ReadonlyMap<string, string>> {
  const text = await login.ask('INFO', section)
  return new Map(
    text.split('\n').flatMap(line => {
      const at = line.indexOf(':')
      return at < 1 || line.startsWith('#')
        ? []
        : [[line.slice(0, at), line.slice(at + 1).trim()] as const]
    }),
  )
}

/** Keys per numbered database. */
export async function keyspace(login: Login): Promise<Readonly<Record<string, number>>> {
  return parseKeyspace(await info(login, 'keyspace'))
}

export function parseKeyspace(
  section: ReadonlyMap<string, string>,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const [name, value] of section) {
    const keys = /keys=(\d+)/.exec(value)?.[1]
    if (/^db\d+$/.test(name) && keys !== undefined) counts[name] = Number(keys)
  }
  return counts
}

export async function countKeys(login: Login): Promise<Counts> {
  return { values: await keyspace(login), exact: true }
}

export async function readFacts(login: Login): Promise<RedisFacts> {
  const server = await info(login, 'server')
  const persistence = await info(login, 'persistence')
  const valkey = server.get('valkey_version')
  return {
    format: 1,
    flavor: valkey === undefined ? 'redis' : 'valkey',
    serverVersion: valkey ?? server.get('redis_version') ?? '',
    appendOnly: persistence.get('aof_enabled') === '1',
  }
}

/** The facts as a snapshot kept them. Rejects with `not-supported` when they are no such facts. */
export function storedFacts(facts: unknown): RedisFacts {
  return factsOf(factsSchema, facts, 'this Redis server')
}

/** One setting of the server, null when it may not be asked. */
export async function setting(login: Login, name: string): Promise<string | null> {
  const text = await login.ask('CONFIG', 'GET', name).catch(() => null)
  const lines = text?.split('\n') ?? []
  return lines[0] === name ? (lines[1] ?? '') : null
}

/** Where the server writes its file, as far as it says. */
export async function dumpFile(
  login: Login,
): Promise<{ readonly folder: string; readonly name: string }> {
  return {
    folder: (await setting(login, 'dir')) ?? '/data',
    name: (await setting(login, 'dbfilename')) ?? 'dump.rdb',
  }
}
