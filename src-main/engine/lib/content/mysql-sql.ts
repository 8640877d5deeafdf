import type { InspectorFactory } from './content.ts'
import { Tail } from './tail.ts'

/** A dump of mysqldump or mariadb-dump: ended by `-- Dump completed`. */
export const inspectMysqlSql: InspectorFactory = () => {
  const tail = new Tail(1024)
  return {
    write: chunk => tail.write(chunk),
    finish: () => {
      const lines = tail.lines()
      // mysqldump may be followed by a sandbox or GTID comment, never by a statement.
      const last = lines.findLast(line => line !== '' && line !== '--') ?? ''
      const complete = last.startsWith('-- Dump completed')
      const problem = complete ? null : "the end mark '-- Dump completed' is missing"
      return { complete, problem, entries: null }
    },
  }
}
