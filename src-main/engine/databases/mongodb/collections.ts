import { BUCKETS } from './archive-format.ts'
import { type Connection, ServerError, serverErrors } from './connection.ts'
import { isOurs } from './names.ts'
import { toOrderedJson } from './ordered-json.ts'
import { assemble, plain, rawDocument, rawField, textField } from './raw-bson.ts'

/** A collection, a view or a time series as the server lists it. */
export interface CollectionInfo {
  readonly name: string
  readonly type: 'collection' | 'view' | 'timeseries'
  /** The options with which it was made, as BSON. */
  readonly options: Buffer
  readonly uuid: string | null
}

const NO_OPTIONS = assemble([])

/**
 * Everything in a database that belongs to its owner: not the server's own collections, and not what a
 * restore put aside. Of the system's, `system.js` holds functions that a person stored.
 */
export async function listCollections(
  connection: Connection,
  database: string,
): Promise<readonly CollectionInfo[]> {
  const found = await connection.list(database, { listCollections: 1 })
  return found
    .map((document): CollectionInfo => {
      const type = textField(document, 'type')
      const info = rawDocument(document, 'info')
      const uuid = info === null ? undefined : rawField(info, 'uuid')
      return {
        name: textField(document, 'name') ?? '',
        type: type === 'view' || type === 'timeseries' ? type : 'collection',
        options: rawDocument(document, 'options') ?? NO_OPTIONS,
        uuid: uuid?.type === 0x05 ? uuid.value.subarray(5).toString('hex') : null,
      }
    })
    .filter(({ name }) => !isOurs(name) && (!name.startsWith('system.') || name === 'system.js'))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** The collection in which its documents lie: for a time series, that of its buckets. */
export function storedIn({ name, type }: Pick<CollectionInfo, 'name' | 'type'>): string {
  return type === 'timeseries' ? BUCKETS + name : name
}

/** The indexes of a collection or time series, as BSON. */
export async function listIndexes(
  connection: Connection,
  database: string,
  { name, type }: CollectionInfo,
): Promise<readonly Buffer[]> {
  if (type === 'view') return []
  try {
    return await connection.list(database, { listIndexes: name })
  } catch (error) {
    if (error instanceof ServerError && error.code === serverErrors.namespaceNotFound) return []
    throw error
  }
}

/** What an archive says about a collection in front (mongo-tools, mongodump/metadata_dump.go). */
export function metadataJson(
  { name, type, options, uuid }: CollectionInfo,
  indexes: readonly Buffer[],
): string {
  const json: readonly string[] = [
    ...(options.length > NO_OPTIONS.length ? [`"options":${toOrderedJson(options)}`] : []),
    `"indexes":[${indexes.map(toOrderedJson).join(',')}]`,
    ...(uuid === null ? [] : [`"uuid":${JSON.stringify(uuid)}`]),
    `"collectionName":${JSON.stringify(name)}`,
    `"type":${JSON.stringify(type)}`,
  ]
  return `{${json.join(',')}}`
}

/** True for a collection of a fixed size, which no read of a point in time covers. */
export function isCapped({ options }: CollectionInfo): boolean {
  return plain(options)['capped'] === true
}

/** The field of time of a time series, null for others. */
export function timeField({ options }: Pick<CollectionInfo, 'options'>): string | null {
  const series = rawDocument(options, 'timeseries')
  return series === null ? null : textField(series, 'timeField')
}
