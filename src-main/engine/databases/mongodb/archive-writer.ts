import { Crc64 } from '../../lib/content/crc64.ts'
import {
  type ArchiveCollection,
  type ArchiveHeader,
  dataName,
  namespaceBytes,
  preludeBytes,
  TERMINATOR,
  word,
} from './archive-format.ts'

/** A collection and where its documents come from; a view has none. */
export interface ArchiveSource {
  readonly collection: ArchiveCollection
  documents(): AsyncIterable<readonly Buffer[]>
}

/** Writes an archive that stock mongorestore reads: one namespace after the other. */
export async function* writeArchive(
  header: ArchiveHeader,
  sources: readonly ArchiveSource[],
): AsyncGenerator<Buffer> {
  yield preludeBytes(
    header,
    sources.map(each => each.collection),
  )
  for (const { collection, documents } of sources) {
    const name = dataName(collection)
    const crc = new Crc64('ecma')
    let open = false
    for await (const batch of documents()) {
      if (!open) yield namespaceBytes(collection.database, name, null)
      open = true
      for (const document of batch) crc.update(document)
      yield Buffer.concat(batch)
    }
    const end = [namespaceBytes(collection.database, name, crc.digest()), word(TERMINATOR)]
    yield Buffer.concat(open ? [word(TERMINATOR), ...end] : end)
  }
}
