import type { InspectorFactory } from './content.ts'
import { Head, Tail } from './tail.ts'

const databaseEnd = '-- PostgreSQL database dump complete'
const clusterEnd = '-- PostgreSQL database cluster dump complete'
const clusterBegin = '-- PostgreSQL database cluster dump'

/** What pg_dump writes after its end mark: comment signs and, in newer versions, one `\unrestrict`. */
function isAfterword(line: string): boolean {
  return line === '' || line === '--' || line.startsWith('\\unrestrict ')
}

/** A plain SQL dump of pg_dump or pg_dumpall: ended by its own comment. */
export const inspectPgSql: InspectorFactory = () => {
  const head = new Head(1024)
  const tail = new Tail(1024)
  return {
    write: chunk => {
      head.write(chunk)
      tail.write(chunk)
    },
    finish: () => {
      // A dump of the whole server holds one end mark for each database; only its own counts.
      const isCluster = head.bytes.toString('latin1').split(/\r?\n/).includes(clusterBegin)
      const last = tail.lines().findLast(line => !isAfterword(line)) ?? ''
      const complete = last === clusterEnd || (!isCluster && last === databaseEnd)
      const problem = complete ? null : 'the end mark of pg_dump is missing'
      return { complete, problem, entries: null }
    },
  }
}
