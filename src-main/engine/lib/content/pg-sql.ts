import type { InspectorFactory } from './content.ts'
import { Head, Tail } from './tail.ts'

const databaseEnd = '-- PostgreSQL database dump complete'
const clusterEnd = '-- PostgreSQL database cluster dump complete'
const clusterBegin = '-- PostgreSQL database cluster dump'

/** A line with which newer versions guard a dump; what opens one must close it. */
const guard = /^\\(un)?restrict (\S+)$/

/** What pg_dump writes after its end mark: comment signs and the end of the guard. */
function isAfterword(line: string): boolean {
  return line === '' || line === '--' || guard.test(line)
}

function problemOf(head: readonly string[], tail: readonly string[]): string | null {
  // A dump of the whole server holds one end mark for each database; only its own counts.
  const isCluster = head.includes(clusterBegin)
  const last = tail.findLast(line => !isAfterword(line)) ?? ''
  if (last !== clusterEnd && (isCluster || last !== databaseEnd)) {
    return 'the end mark of pg_dump is missing'
  }
  const opened = head.find(line => line.startsWith('\\restrict '))
  const closed = opened === undefined || tail.includes(opened.replace('restrict', 'unrestrict'))
  return (isCluster || closed) && tail.at(-1) === '' ? null : 'the last line of pg_dump is missing'
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
      const problem = problemOf(head.lines(), tail.lines())
      return { complete: problem === null, problem, entries: null }
    },
  }
}
