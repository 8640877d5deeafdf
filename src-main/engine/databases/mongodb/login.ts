import { Binary } from 'bson'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { DriverContext } from '../database.ts'
import { oncePerContext } from '../tools/once-per-context.ts'
import { runTool } from '../tools/run-tool.ts'
import { findCarrier } from './carrier.ts'
import { Connection, ServerError, serverErrors, type Way } from './connection.ts'
import { plain } from './raw-bson.ts'
import { type Mechanism, scram, ScramError } from './scram.ts'

/** A way in that worked. */
export interface Login {
  /** Which variable or file the login came from; never its value. */
  readonly credentialSource: string
  /** For the commands that a person types; null where no login is asked for. */
  readonly user: string | null
  readonly authDatabase: string
  /** Opens a connection that is logged in. `signal` is the context's unless another is given. */
  open(signal?: AbortSignal): Promise<Connection>
}

interface Person {
  readonly user: string
  readonly password: string
  readonly database: string
}

interface Candidate {
  readonly source: string
  /** Null: without a login. */
  person(): Promise<Person | null>
}

/** Variables by who made the image. */
const variables: readonly {
  readonly user: string
  readonly password: string
  readonly fixedUser: string | null
}[] = [
  { user: 'MONGO_INITDB_ROOT_USERNAME', password: 'MONGO_INITDB_ROOT_PASSWORD', fixedUser: null },
  {
    user: 'MONGODB_INITDB_ROOT_USERNAME',
    password: 'MONGODB_INITDB_ROOT_PASSWORD',
    fixedUser: null,
  },
  { user: 'MONGODB_ROOT_USER', password: 'MONGODB_ROOT_PASSWORD', fixedUser: 'root' },
]

/** The port that the options or the container's definition name, or the usual one. */
export function portOf({
  container,
  options,
}: Pick<DriverContext, 'container' | 'options'>): number {
  const option = options['port']
  if (typeof option === 'number' && option > 0) return option
  const text =
    /--port[=\s]+(\d+)/.exec(container.command.join(' '))?.[1] ??
    container.env['MONGODB_PORT_NUMBER']
  return /^\d+$/.test(text ?? '') ? Number(text) : 27017
}

function textOption(context: DriverContext, name: string): string {
  const value = context.options[name]
  return typeof value === 'string' ? value : ''
}

/** A variable's value, or what is in the file that its `_FILE` names; read there, kept nowhere (rule B1). */
async function valueOf(context: DriverContext, name: string): Promise<string> {
  const { env } = context.container
  const file = env[`${name}_FILE`]
  if (env[name] || !file) return env[name] ?? ''
  const { stdout } = await runTool(context.place, ['cat', file], { signal: context.signal })
  return stdout.replace(/\n+$/, '')
}

function candidates(context: DriverContext): readonly Candidate[] {
  const { env } = context.container
  const isSet = (name: string): boolean => Boolean(env[name]) || Boolean(env[`${name}_FILE`])
  const database = textOption(context, 'authDatabase') || 'admin'
  const user = textOption(context, 'user')
  const password = textOption(context, 'password')
  const list: Candidate[] = []
  for (const each of variables.filter(({ password }) => isSet(password))) {
    list.push({
      source: password
        ? 'the password from the settings'
        : env[each.password]
          ? each.password
          : `${each.password}_FILE`,
      person: async () => ({
        user: user || (await valueOf(context, each.user)) || each.fixedUser || '',
        password: password || (await valueOf(context, each.password)),
        database,
      }),
    })
  }
  if (user && password) {
    list.unshift({
      source: 'the password from the settings',
      person: () => Promise.resolve({ user, password, database }),
    })
  }
  return [...list, { source: 'no login', person: () => Promise.resolve(null) }]
}

async function authenticate(
  connection: Connection,
  mechanism: Mechanism,
  { user, password, database }: Person,
): Promise<void> {
  const client = scram(mechanism, user, password)
  const started = plain(
    await connection.run(database, {
      saslStart: 1,
      mechanism,
      payload: new Binary(Buffer.from(client.first)),
      options: { skipEmptyExchange: true },
    }),
  )
  const proceed = async (payload: string): Promise<Readonly<Record<string, unknown>>> =>
    plain(
      await connection.run(database, {
        saslContinue: 1,
        conversationId: started['conversationId'],
        payload: new Binary(Buffer.from(payload)),
      }),
    )
  const text = ({ payload }: Readonly<Record<string, unknown>>): string =>
    Buffer.isBuffer(payload) ? payload.toString() : ''
  const answer = await proceed(await client.final(text(started)))
  client.verify(text(answer))
  if (answer['done'] !== true) await proceed('')
}

async function openAs(
  way: Way,
  person: Person | null,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const connection = await Connection.open(way, signal)
  try {
    const hello = plain(
      await connection.run('admin', {
        hello: 1,
        client: {
          application: { name: 'lifeboat' },
          driver: { name: 'lifeboat', version: '1' },
          os: { type: process.platform },
        },
        ...(person === null ? {} : { saslSupportedMechs: `${person.database}.${person.user}` }),
      }),
    )
    if (person !== null) {
      const offered = hello['saslSupportedMechs']
      const old = Array.isArray(offered) && !offered.includes('SCRAM-SHA-256')
      await authenticate(connection, old ? 'SCRAM-SHA-1' : 'SCRAM-SHA-256', person)
    }
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

/**
 * Finds a way into the server, once for each context. Rejects with `database-login` that names what was
 * tried (rule B2), or `tool-missing`.
 */
export const findLogin = oncePerContext(search)

/** Works with a connection that is closed afterwards. */
export async function withConnection<T>(
  login: Login,
  work: (connection: Connection) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const connection = await login.open(signal)
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

/** Asks what a server without a login refuses. A replica set that is not ready refuses otherwise. */
async function isAllowed(connection: Connection): Promise<void> {
  try {
    await connection.run('admin', { listDatabases: 1, nameOnly: true })
  } catch (error) {
    if (!(error instanceof ServerError) || error.code === serverErrors.unauthorized) throw error
  }
}

async function search(context: DriverContext): Promise<Login> {
  const { place, signal } = context
  const way: Way = { place, carrier: await findCarrier(place, signal), port: portOf(context) }
  const said: string[] = []
  const list = candidates(context)
  for (const candidate of list) {
    try {
      const person = await candidate.person()
      const login: Login = {
        credentialSource: candidate.source,
        user: person?.user ?? null,
        authDatabase: person?.database ?? 'admin',
        open: (other = signal) => openAs(way, person, other),
      }
      await withConnection(login, isAllowed)
      return login
    } catch (error) {
      signal.throwIfAborted()
      const known = error instanceof ServerError || error instanceof ScramError
      if (!known && !(error instanceof AppError && error.code === 'command-failed')) throw error
      said.push(
        error instanceof AppError ? `${error.message} ${error.details ?? ''}` : error.message,
      )
    }
  }
  const tried = [...new Set(list.map(each => each.source))].join(', ')
  throw new AppError('database-login', {
    message: `No login to the MongoDB server in ${place.description} worked.`,
    state: NOTHING_CHANGED,
    hint: `Tried: ${tried}. Set user and password for this engine, or exclude the database: its volume is then copied with the service stopped.`,
    details: [...new Set(said)].join('\n').slice(0, 4000),
  })
}
