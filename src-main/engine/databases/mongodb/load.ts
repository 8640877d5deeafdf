import { AppError } from '../../../contract/errors.ts'
import type { Counts, DumpSource } from '../database.ts'
import { type ArchiveCollection, dataName } from './archive-format.ts'
import { readArchive } from './archive-reader.ts'
import type { CollectionInfo } from './collections.ts'
import type { Connection } from './connection.ts'
import { countExactly } from './counting.ts'
import { newName } from './names.ts'
import { fromOrderedJson } from './ordered-json.ts'
import type { Entry } from './plan.ts'
import { assemble, listOf, rawDocument } from './raw-bson.ts'
import { USERS_FILE } from './users.ts'
import { create, createIndexes, insert, isCopied } from './write.ts'

/** What was loaded, each under the name of its number. */
export interface Loaded {
  readonly entries: readonly Omit<Entry, 'side'>[]
  readonly counts: Counts['values']
}

/** The archive of this database among the artifacts. */
function archiveIn({ artifacts, database }: DumpSource): DumpSource['artifacts'][number] {
  const archive = artifacts.find(
    each => each.content === 'mongo-archive' && each.fileName !== USERS_FILE,
  )
  if (archive !== undefined) return archive
  throw new AppError('restore-failed', {
    message: `The snapshot holds no dump of the database ${database}.`,
    state: 'The live database is untouched.',
    hint: 'Look with lifeboat show what the snapshot holds.',
  })
}

function entryFrom(
  { name, type, metadata }: ArchiveCollection,
  index: number,
): Omit<Entry, 'side'> {
  const empty = assemble([])
  const document = metadata === '' ? empty : fromOrderedJson(metadata)
  const options = rawDocument(document, 'options') ?? empty
  const real: CollectionInfo['type'] =
    rawDocument(options, 'timeseries') === null ? type : 'timeseries'
  return { index, name, type: real, options, uuid: null, indexes: listOf(document, 'indexes') }
}

/** Loads an archive, one pass, into collections beside those that are there. */
export async function loadArchive(
  connection: Connection,
  source: DumpSource,
  id: string,
): Promise<Loaded> {
  const { database } = source
  let entries: readonly Omit<Entry, 'side'>[] = []
  const byData = new Map<string, Omit<Entry, 'side'>>()
  const counts: Record<string, number> = {}
  let writing: Promise<void> = Promise.resolve()
  for await (const part of readArchive(archiveIn(source).open())) {
    if (part.kind === 'prelude') {
      entries = part.collections
        .filter(each => each.database === database && isLoaded(each.name))
        .map(entryFrom)
      for (const entry of entries.filter(each => each.type !== 'view')) {
        byData.set(dataName(entry), entry)
        counts[entry.name] = 0
        // The buckets of a time series wait in a plain collection: a time series cannot be renamed.
        const without = isCopied(entry) ? ['timeseries', 'expireAfterSeconds'] : []
        await create(connection, database, newName(id, entry.index), entry.options, without)
      }
      continue
    }
    const entry = part.database === database ? byData.get(part.name) : undefined
    if (entry === undefined) continue
    const name = newName(id, entry.index)
    // While one batch is written the next is read.
    await writing
    if (part.kind === 'end') {
      if (!isCopied(entry)) await createIndexes(connection, database, name, entry.indexes)
    } else {
      counts[entry.name] = (counts[entry.name] ?? 0) + part.documents.length
      writing = insert(connection, database, name, part.documents)
      writing.catch(() => undefined)
    }
  }
  await writing
  for (const entry of entries.filter(each => each.type === 'timeseries')) {
    counts[entry.name] = await countExactly(
      connection,
      database,
      entry,
      {},
      newName(id, entry.index),
    )
  }
  return { entries, counts }
}

/** The server's own collections make themselves; users come from their own archive. */
function isLoaded(name: string): boolean {
  return !name.startsWith('$') && (!name.startsWith('system.') || name === 'system.js')
}
