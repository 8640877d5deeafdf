import { z } from 'zod'

import { factsOf } from '../tools/stored-facts.ts'
import type { Connection } from './connection.ts'
import { plain, textField } from './raw-bson.ts'

/** What a restore must know of one database beyond its dump. Kept in the manifest: no secrets. */
export const factsSchema = z.object({
  /** Version of this record. */
  format: z.literal(1),
  serverVersion: z.string(),
  /** False for a server that is no replica set: its collections are of different moments. */
  pointInTime: z.boolean(),
  /** Collections that are of no point in time although the rest is. */
  exceptions: z.array(z.string()),
  collections: z.number().int(),
  /** Login name and its database, for the commands of RESTORE.md. */
  user: z.string().nullable(),
  authDatabase: z.string(),
})

export type MongoFacts = z.infer<typeof factsSchema>

/** The facts as a snapshot kept them. Rejects with `not-supported` when they are no such facts. */
export function storedFacts(facts: unknown): MongoFacts {
  return factsOf(factsSchema, facts, 'this database')
}

/** What the server says of itself. */
export interface ServerState {
  readonly version: string
  readonly replicaSet: string | null
  readonly writable: boolean
}

export async function serverState(connection: Connection): Promise<ServerState> {
  const hello = plain(await connection.run('admin', { hello: 1 }))
  const version = textField(await connection.run('admin', { buildInfo: 1 }), 'version')
  const replicaSet = hello['setName']
  return {
    version: version ?? '',
    replicaSet: typeof replicaSet === 'string' ? replicaSet : null,
    writable: hello['isWritablePrimary'] === true,
  }
}
