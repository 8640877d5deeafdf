import type { Counts } from '../database.ts'
import { StatementError } from '../tools/coprocess.ts'
import type { Login } from './login.ts'
import type { Session } from './session.ts'
import { identifier, literal } from './sql.ts'

/** Counts the rows of every table of a database in the session's transaction; estimates when time is out. */
export async function countTables(
  session: Session,
  login: Login,
  database: string,
  budgetMs: number,
): Promise<Counts> {
  const deadline = performance.now() + budgetMs
  const tables = await session.rows(
    `select table_name, coalesce(table_rows, 0) from information_schema.tables
      where table_schema = ${literal(database)} and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') order by 1`,
  )
  const values: Record<string, number> = {}
  let exact = true
  for (const [table = '', estimate = '0'] of tables) {
    const left = Math.floor(deadline - performance.now())
    const counted =
      left < 1
        ? null
        : await countOne(session, login, `${identifier(database)}.${identifier(table)}`, left)
    if (counted === null) exact = false
    values[table] = counted ?? Number(estimate)
  }
  return { values, exact }
}

async function countOne(
  session: Session,
  login: Login,
  table: string,
  timeoutMs: number,
): Promise<number | null> {
  const limit =
    login.flavor === 'mariadb'
      ? `max_statement_time = ${timeoutMs / 1000}`
      : `max_execution_time = ${timeoutMs}`
  await session.run(`set session ${limit}`)
  try {
    return Number(await session.run(`select count(*) from ${table}`))
  } catch (error) {
    if (error instanceof StatementError) return null
    throw error
  } finally {
    await session.run(`set session ${limit.replace(/= .*/, '= 0')}`)
  }
}
