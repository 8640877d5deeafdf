import type { Counts } from '../database.ts'
import { StatementError } from '../tools/coprocess.ts'
import type { Session } from './session.ts'
import { literal } from './sql.ts'

interface TableRow {
  /** Both parts quoted where SQL needs it: unambiguous, and ready for a statement. */
  readonly name: string
  readonly estimate: number
  readonly countable: boolean
}

// What an extension owns is made by CREATE EXTENSION, not by the dump, and may differ by its version.
// Partitioned tables hold no rows themselves; ONLY keeps rows of children out of their parents.
const tables = `
select format('%I.%I', n.nspname, c.relname) as name,
       greatest(c.reltuples, 0)::float8 as estimate,
       c.relkind = 'r' or c.relispopulated as countable
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm')
   and c.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not exists (select from pg_depend d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by c.reltuples, 1`

/** Key under which the number of large objects is kept; no table can have this name. */
export const LARGE_OBJECTS = 'large objects'

/**
 * Counts the rows of every table and materialised view of the session's database, in the transaction
 * that is open (or in one of its own). When the budget runs out, the rest are the planner's estimates
 * and `exact` is false. A count that fails leaves the transaction usable.
 *
 * @param budgetMs milliseconds for the whole database
 */
export async function countTables(session: Session, budgetMs: number): Promise<Counts> {
  const deadline = performance.now() + budgetMs
  const values: Record<string, number> = {}
  let exact = true
  const list = await session.rows<TableRow>(tables)
  for (const table of list) {
    if (!table.countable) continue
    const left = Math.floor(deadline - performance.now())
    const counted = left < 1 ? null : await countOne(session, table.name, left)
    if (counted === null) exact = false
    values[table.name] = counted ?? Math.round(table.estimate)
  }
  const [large] = await session.rows<{ readonly n: number }>(
    'select count(*) as n from pg_largeobject_metadata',
  )
  if (large !== undefined && large.n > 0) values[LARGE_OBJECTS] = large.n
  return { values, exact }
}

async function countOne(
  session: Session,
  table: string,
  timeoutMs: number,
): Promise<number | null> {
  await session.run('savepoint lifeboat_count')
  await session.run(`select set_config('statement_timeout', ${literal(String(timeoutMs))}, true)`)
  let rows: number | null = null
  try {
    rows = Number(await session.run(`select count(*) from only ${table}`))
  } catch (error) {
    // Out of time, or a table that may not be read: an estimate says so by `exact`.
    if (!(error instanceof StatementError)) throw error
  }
  await session.run('rollback to savepoint lifeboat_count')
  await session.run('release savepoint lifeboat_count')
  return rows
}
