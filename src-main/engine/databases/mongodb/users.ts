import type { Document } from 'bson'

import type { DumpSource } from '../database.ts'
import type { ArchiveCollection } from './archive-format.ts'
import { readArchive } from './archive-reader.ts'
import type { ArchiveSource } from './archive-writer.ts'
import type { Connection } from './connection.ts'
import { rolesName, usersName } from './names.ts'
import { plain, textField } from './raw-bson.ts'

/** Users and roles of the whole server, with the hashes of their passwords: a secret. */
export const USERS_FILE = 'users.archive'

const kinds = [
  { collection: 'system.users', field: 'user' },
  { collection: 'system.roles', field: 'role' },
] as const

/** What the archive of users holds; `version` tells mongorestore how the logins are kept. */
export function userSources(connection: Connection): readonly ArchiveSource[] {
  return ['system.users', 'system.roles', 'system.version'].map(name => {
    const metadata = `{"indexes":[],"collectionName":"${name}","type":"collection"}`
    const collection: ArchiveCollection = { database: 'admin', name, type: 'collection', metadata }
    return { collection, documents: () => connection.documents('admin', { find: name }) }
  })
}

/** Users and roles that a restore of one database brings back because the server lacks them. */
export interface MissingUsers {
  readonly users: readonly Buffer[]
  readonly roles: readonly Buffer[]
}

/** As a journal keeps them, and as commands name them. */
export type PersonName = readonly [database: string, name: string]

export function namesOf(
  documents: readonly Buffer[],
  field: 'user' | 'role',
): readonly PersonName[] {
  return documents.map(
    document => [textField(document, 'db') ?? '', textField(document, field) ?? ''] as const,
  )
}

/** Made in this database, or with a right in it. */
function concerns(document: Buffer, database: string): boolean {
  if (textField(document, 'db') === database) return true
  const { roles, privileges } = plain(document) as {
    readonly roles?: readonly { readonly db?: string }[]
    readonly privileges?: readonly { readonly resource?: { readonly db?: string } }[]
  }
  return (
    roles?.some(role => role.db === database) === true ||
    privileges?.some(({ resource }) => resource?.db === database) === true
  )
}

/** Users and roles of the snapshot that this database needs and the server does not have. */
export async function missingUsers(
  connection: Connection,
  { artifacts, database }: Pick<DumpSource, 'artifacts' | 'database'>,
): Promise<MissingUsers> {
  const archive = artifacts.find(each => each.fileName === USERS_FILE)
  if (archive === undefined) return { users: [], roles: [] }
  const found: Record<string, Buffer[]> = { 'system.users': [], 'system.roles': [] }
  for await (const part of readArchive(archive.open())) {
    if (part.kind === 'documents') found[part.name]?.push(...part.documents)
  }
  const [users, roles] = await Promise.all(
    kinds.map(async ({ collection, field }) => {
      const there = await connection.list('admin', {
        find: collection,
        projection: { db: 1, [field]: 1 },
      })
      const known = new Set(namesOf(there, field).map(name => JSON.stringify(name)))
      return (found[collection] ?? []).filter(
        document =>
          concerns(document, database) &&
          !namesOf([document], field).some(name => known.has(JSON.stringify(name))),
      )
    }),
  )
  return { users: users ?? [], roles: roles ?? [] }
}

/**
 * Creates them with the hashes of their passwords, the way mongorestore does: only the server itself may
 * write its users, and takes them from a collection that was laid beside them.
 */
export async function createUsers(
  connection: Connection,
  id: string,
  { users, roles }: MissingUsers,
): Promise<void> {
  const work: readonly (readonly [string, string, readonly Buffer[]])[] = [
    ['tempUsersCollection', usersName(id), users],
    ['tempRolesCollection', rolesName(id), roles],
  ]
  const command: Document = { _mergeAuthzCollections: 1 }
  for (const [parameter, collection, documents] of work) {
    if (documents.length === 0) continue
    await connection.run('admin', { insert: collection }, { name: 'documents', documents })
    command[parameter] = `admin.${collection}`
  }
  if (Object.keys(command).length > 1) {
    await connection.run('admin', { ...command, db: '', drop: false })
  }
  await dropHelpers(connection, id)
}

export async function dropHelpers(connection: Connection, id: string): Promise<void> {
  for (const collection of [usersName(id), rolesName(id)]) {
    await connection.run('admin', { drop: collection }).catch(() => undefined)
  }
}

/** Takes back what {@link createUsers} made; those that are gone are no error. */
export async function dropUsers(
  connection: Connection,
  users: readonly PersonName[],
  roles: readonly PersonName[],
): Promise<void> {
  for (const [database, name] of users) {
    await connection.run(database, { dropUser: name }).catch(() => undefined)
  }
  for (const [database, name] of roles) {
    await connection.run(database, { dropRole: name }).catch(() => undefined)
  }
}
