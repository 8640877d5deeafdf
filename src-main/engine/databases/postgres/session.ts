import type { DriverContext } from '../database.ts'
import { Coprocess, type CoprocessDialect } from '../tools/coprocess.ts'
import { inDatabase, type Login } from './login.ts'

/** The variables that are asked here are set by psql 11 and later. */
const psql: CoprocessDialect = {
  request: (statement, marker) =>
    `${statement}\n;\n\\if :ERROR\n\\echo :LAST_ERROR_MESSAGE\n\\endif\n\\echo ${marker} :ERROR :SQLSTATE\n`,
  failure: (body, trailer) => (trailer.startsWith('true') ? body.trim() || 'unknown error' : null),
}

// A dump waits for its reader; no time limit of the server's or of a role's may end it.
const preparation = `
select set_config(name, value, false)
  from (values ('client_encoding', 'UTF8'), ('standard_conforming_strings', 'on'), ('row_security', 'off'),
               ('search_path', 'pg_catalog'), ('datestyle', 'ISO'), ('statement_timeout', '0'),
               ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
               ('idle_session_timeout', '0'), ('transaction_timeout', '0')) wanted (name, value)
 where exists (select from pg_catalog.pg_settings s where s.name = wanted.name)`

/** A connection to one database of the server, kept open. */
export interface Session {
  /** Runs one statement and gives back its output, unaligned; rejects with `StatementError`. */
  run(statement: string): Promise<string>
  /** Runs a query and gives back its rows as objects. */
  rows<T>(query: string): Promise<readonly T[]>
  close(): Promise<void>
}

/** Opens a session in one database. Rejects with `StatementError` or `command-failed` when the server says no. */
export async function openSession(
  context: DriverContext,
  login: Login,
  database: string,
): Promise<Session> {
  const coprocess = await Coprocess.start(
    context.place,
    login.argv('psql', '-X', '-A', '-t', '-q', ...login.flags, inDatabase(database)),
    login.options,
    psql,
    `psql in ${context.place.description}`,
  )
  const session: Session = {
    run: statement => coprocess.ask(statement),
    async rows<T>(query: string) {
      const text = await coprocess.ask(
        `select coalesce(json_agg(to_json(lifeboat)), '[]') from (${query}) lifeboat`,
      )
      return JSON.parse(text) as readonly T[]
    },
    close: () => coprocess.close(),
  }
  try {
    await session.run(preparation)
  } catch (error) {
    await session.close()
    throw error
  }
  return session
}

/** Runs one piece of work in a session of its own. */
export async function withSession<T>(
  context: DriverContext,
  login: Login,
  database: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(context, login, database)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}
