import type { CollectionInfo } from './collections.ts'
import { type Connection, ServerError, serverErrors } from './connection.ts'
import {
  assemble,
  fieldFrom,
  listField,
  listOf,
  numberField,
  plain,
  rawField,
  rawFields,
  textField,
} from './raw-bson.ts'

/** Inserts documents as they are. Rejects with `ServerError` when one of them was not taken. */
export async function insert(
  connection: Connection,
  database: string,
  collection: string,
  documents: readonly Buffer[],
): Promise<void> {
  const answer = await connection.run(
    database,
    // A validator may be stricter than what was stored before it was there.
    { insert: collection, ordered: true, bypassDocumentValidation: true },
    { name: 'documents', documents },
  )
  const [first] = listOf(answer, 'writeErrors')
  if (first !== undefined) {
    throw new ServerError(numberField(first, 'code') ?? 0, textField(first, 'errmsg') ?? '')
  }
  const inserted = numberField(answer, 'n')
  if (inserted !== documents.length) {
    throw new ServerError(0, `${documents.length} documents were sent, ${inserted ?? 0} taken`)
  }
}

/** Options that servers list but do not take, or no longer. */
const notToCreate = [
  'autoIndexId',
  'recordIdsReplicated',
  'timeseriesBucketsMayHaveMixedSchemaData',
]

/** Makes a collection, view or time series with the options that it had. */
export async function create(
  connection: Connection,
  database: string,
  name: string,
  options: Buffer,
  without: readonly string[] = [],
): Promise<void> {
  const skipped = [...notToCreate, ...without]
  const fields = [...rawFields(options)].filter(field => !skipped.includes(field.name))
  await connection.run(database, assemble([fieldFrom('create', name), ...fields]))
  const mixed = rawField(options, 'timeseriesBucketsMayHaveMixedSchemaData')
  if (mixed?.value[0] === 1 && !without.includes('timeseries')) {
    await connection.run(database, assemble([fieldFrom('collMod', name), { ...mixed, type: 0x08 }]))
  }
}

/** Makes the indexes that a collection had, but for those that came with it. */
export async function createIndexes(
  connection: Connection,
  database: string,
  name: string,
  indexes: readonly Buffer[],
): Promise<void> {
  const wanted = indexes
    .filter(index => textField(index, 'name') !== '_id_' && plain(index)['clustered'] !== true)
    .map(index => assemble([...rawFields(index)].filter(field => field.name !== 'ns')))
  if (wanted.length === 0) return
  await connection.run(
    database,
    assemble([fieldFrom('createIndexes', name), listField('indexes', wanted)]),
  )
}

/** Drops a collection, view or time series; one that is not there is no error. */
export async function drop(connection: Connection, database: string, name: string): Promise<void> {
  try {
    await connection.run(database, { drop: name })
  } catch (error) {
    if (!(error instanceof ServerError) || error.code !== serverErrors.namespaceNotFound)
      throw error
  }
}

/** Renames within one database, which is done in a moment. */
export async function rename(
  connection: Connection,
  database: string,
  from: string,
  to: string,
): Promise<void> {
  await connection.run('admin', {
    renameCollection: `${database}.${from}`,
    to: `${database}.${to}`,
    dropTarget: false,
  })
}

/** Copies all documents of a collection into another. */
export async function copy(
  connection: Connection,
  database: string,
  from: string,
  to: string,
): Promise<void> {
  const all = connection.documents(database, { find: from, hint: { $natural: 1 } })
  for await (const documents of all) await insert(connection, database, to, documents)
}

/** Names of everything in a database, the server's own too. */
export async function namesIn(
  connection: Connection,
  database: string,
): Promise<ReadonlySet<string>> {
  const found = await connection.list(database, { listCollections: 1, nameOnly: true })
  return new Set(found.map(document => textField(document, 'name') ?? ''))
}

/** What cannot be renamed and is copied: a time series, and the functions that a person stored. */
export function isCopied({ name, type }: Pick<CollectionInfo, 'name' | 'type'>): boolean {
  return type === 'timeseries' || name === 'system.js'
}
