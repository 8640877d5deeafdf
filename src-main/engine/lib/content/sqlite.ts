import type { InspectorFactory } from './content.ts'
import { Head } from './tail.ts'

/** Checks the header against the length of the file. */
function problemOf(header: Buffer, bytes: number): string | null {
  if (header.length < 100 || header.subarray(0, 16).toString('latin1') !== 'SQLite format 3\0') {
    return 'it does not begin with the header of SQLite'
  }
  const stored = header.readUInt16BE(16)
  const pageSize = stored === 1 ? 65_536 : stored
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return 'its page size is damaged'
  const pages = header.readUInt32BE(28)
  // The page count is valid only when this copy of the change counter agrees with the counter.
  const isCounted = pages > 0 && header.readUInt32BE(24) === header.readUInt32BE(92)
  if (bytes % pageSize !== 0) return 'it ends in the middle of a page'
  if (isCounted && pages * pageSize !== bytes) {
    return `it should have ${pages} pages and has ${bytes / pageSize}`
  }
  return null
}

/** An SQLite database file: as many pages as its header says. */
export const inspectSqlite: InspectorFactory = () => {
  const head = new Head(100)
  let bytes = 0
  return {
    write: chunk => {
      head.write(chunk)
      bytes += chunk.length
    },
    finish: () => {
      const problem = problemOf(head.bytes, bytes)
      return { complete: problem === null, problem, entries: null }
    },
  }
}
