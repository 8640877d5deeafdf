import type { Document } from 'bson'

import type { Counts } from '../database.ts'
import { type CollectionInfo, storedIn, timeField } from './collections.ts'
import { type Connection, ServerError, serverErrors } from './connection.ts'
import { numberField } from './raw-bson.ts'

/** Documents of a collection; measurements of a time series, from whose buckets they are counted. */
function pipelineOf(collection: Pick<CollectionInfo, 'options'>): readonly Document[] {
  const time = timeField(collection)
  const single = { $sum: 1 }
  // A compressed bucket holds its count, one that is not holds a field for each measurement.
  const measurements = {
    $sum: { $ifNull: ['$control.count', { $size: { $objectToArray: `$data.${time ?? ''}` } }] },
  }
  return [{ $group: { _id: null, n: time === null ? single : measurements } }]
}

/** The exact number of documents in the collection `stored`. Rejects with `maxTimeExpired`. */
export async function countExactly(
  connection: Connection,
  database: string,
  collection: Pick<CollectionInfo, 'name' | 'type' | 'options'>,
  options: Document = {},
  stored = storedIn(collection),
): Promise<number> {
  const [found] = await connection.list(database, {
    aggregate: stored,
    pipeline: pipelineOf(collection),
    cursor: {},
    ...options,
  })
  return found === undefined ? 0 : (numberField(found, 'n') ?? 0)
}

async function estimate(
  connection: Connection,
  database: string,
  collection: CollectionInfo,
): Promise<number> {
  const answer = await connection.run(database, { count: storedIn(collection) })
  return numberField(answer, 'n') ?? 0
}

/**
 * Counts all collections of a database until the time is used up, then estimates. `optionsOf` says how
 * each is read; views hold nothing of their own.
 */
export async function countCollections(
  connection: Connection,
  database: string,
  collections: readonly CollectionInfo[],
  budgetMs: number,
  optionsOf: (collection: CollectionInfo) => Document = () => ({}),
): Promise<Counts> {
  const deadline = performance.now() + budgetMs
  const values: Record<string, number> = {}
  let exact = true
  for (const collection of collections.filter(each => each.type !== 'view')) {
    const left = Math.ceil(deadline - performance.now())
    try {
      if (left <= 0) throw new ServerError(serverErrors.maxTimeExpired, '')
      values[collection.name] = await countExactly(connection, database, collection, {
        ...optionsOf(collection),
        maxTimeMS: left,
      })
    } catch (error) {
      if (!(error instanceof ServerError) || error.code !== serverErrors.maxTimeExpired) throw error
      values[collection.name] = await estimate(connection, database, collection)
      exact = false
    }
  }
  return { values, exact }
}
