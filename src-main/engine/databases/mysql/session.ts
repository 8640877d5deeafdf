import { randomBytes } from 'node:crypto'

import type { DriverContext } from '../database.ts'
import { Coprocess, type CoprocessDialect } from '../tools/coprocess.ts'
import type { Login } from './login.ts'
import { cells } from './sql.ts'

/** A connection to the server, kept open. */
export interface Session {
  /** Runs one statement; rejects with `StatementError`. */
  run(statement: string): Promise<string>
  /** Runs one query and gives back its rows, cell by cell. */
  rows(query: string): Promise<readonly (readonly string[])[]>
  close(): Promise<void>
}

/** A delimiter that is in no statement: bodies of routines are full of semicolons. */
function dialect(delimiter: string): CoprocessDialect {
  return {
    request: (statement, marker) =>
      `${statement}\n${delimiter}\nselect concat('${marker} ', @@error_count)\n${delimiter}\n`,
    failure(_, trailer, stderr) {
      if (trailer === '0') return null
      const line = stderr
        .trim()
        .split('\n')
        .findLast(each => each.startsWith('ERROR'))
      // The client repeats parts of the statement after "near"; those may hold secrets.
      return (line ?? 'the server refused the statement').replace(/ near '.*$/, '')
    },
  }
}

/** Opens a session, in a database or in none. */
export async function openSession(
  context: DriverContext,
  login: Login,
  database?: string,
): Promise<Session> {
  // The client keeps 15 characters of it.
  const delimiter = `//${randomBytes(4).toString('hex')}//`
  const flags = [
    '--batch',
    '--skip-column-names',
    '--unbuffered',
    '--force',
    '--binary-mode',
    '--default-character-set=utf8mb4',
    '--connect-timeout=15',
    `--delimiter=${delimiter}`,
  ]
  const coprocess = await Coprocess.start(
    context.place,
    login.argv(
      login.client,
      ...login.flags,
      ...flags,
      ...(database === undefined ? [] : [`--database=${database}`]),
    ),
    login.options,
    dialect(delimiter),
    `${login.client} in ${context.place.description}`,
  )
  const session: Session = {
    run: statement => coprocess.ask(statement),
    async rows(query) {
      const text = await coprocess.ask(query)
      return text === '' ? [] : text.split('\n').map(cells)
    },
    close: () => coprocess.close(),
  }
  try {
    // The dump's reader and its writer may both be slow; no limit of the server's may end a session.
    await session.run(
      'set session wait_timeout = 86400, session net_write_timeout = 86400, session net_read_timeout = 86400',
    )
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
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(context, login)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}
