import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { CommandOptions } from '../../lib/command.ts'
import type { DriverContext } from '../database.ts'
import { oncePerContext } from '../tools/once-per-context.ts'
import { lookAround, runTool } from '../tools/run-tool.ts'
import { connectionString } from './sql.ts'

/**
 * Runs before every Postgres tool, inside the container: user and password are read there, from the
 * container's own variables and files, and go to the tool by its environment (rule B1).
 *   $1 variable that holds the password, '' for none   $2 variable that holds the user, '' for PGUSER as given
 */
const credentialScript = `
password=$1 user=$2
shift 2
for folder in /usr/lib/postgresql/*/bin /opt/bitnami/postgresql/bin /usr/pgsql-*/bin; do
  [ ! -d "$folder" ] || PATH=$PATH:$folder
done
value() {
  eval "value=\\\${$1-} file=\\\${$1_FILE-}"
  if [ -z "$value" ] && [ -n "$file" ]; then value=$(cat "$file"); fi
}
if [ -n "$password" ]; then value "$password"; PGPASSWORD=$value; export PGPASSWORD; fi
if [ -n "$user" ]; then value "$user"; PGUSER=$value; export PGUSER; fi
unset PGSERVICE PGSERVICEFILE PGHOSTADDR PGOPTIONS PGDATABASE PGCLIENTENCODING PGSSLMODE PGREQUIRESSL
LC_ALL=C
export LC_ALL PATH
exec "$@"
`

/** Looks for where the server listens; prints it in lines that `readSurroundings` takes apart. */
const lookScript = `
for folder do
  file=$folder/postmaster.pid
  if [ -r "$file" ]; then
    echo "pidfile"
    cat "$file"
    echo
    echo "end"
    break
  fi
done
for tool in psql pg_dump pg_dumpall pg_restore; do
  command -v "$tool" >/dev/null && echo "tool $tool $("$tool" --version)"
done
case $(pg_dump -Fc -Z zstd:1 -w -h /lifeboat/nowhere -f /dev/null 2>&1) in
  *connect*) echo "zstd" ;;
esac
exit 0
`

/** What the container says about its server without a login. */
export interface Surroundings {
  readonly port: string | null
  readonly socketFolder: string | null
  /** Tool → version text such as `17.12`. */
  readonly tools: ReadonlyMap<string, string>
  readonly dumpsZstd: boolean
}

/** A way in that worked. */
export interface Login {
  readonly surroundings: Surroundings
  /** `--host`, `--port`, `--no-password`, as every tool takes them. */
  readonly flags: readonly string[]
  /** Database that is there to ask the server in, whatever happens to the others. */
  readonly maintenance: string
  readonly user: string
  /** Which variable or file the login came from; never its value. */
  readonly credentialSource: string
  /** Makes the argv of a Postgres tool. */
  argv(...tool: readonly string[]): readonly string[]
  /** Options for the place: user, environment, signal. */
  readonly options: Omit<CommandOptions, 'stdin'>
}

/** The tool's arguments that choose a database by its exact name. */
export function inDatabase(name: string): string {
  return `--dbname=${connectionString(name)}`
}

interface Candidate {
  readonly host: string | null
  readonly userVariable: string
  readonly user: string
  readonly passwordVariable: string
  readonly operatingSystemUser: string | null
}

export function readSurroundings(text: string): Surroundings {
  const lines = text.split('\n')
  const at = lines.indexOf('pidfile')
  const pidFile = at === -1 ? [] : lines.slice(at + 1, lines.indexOf('end', at))
  const tools = new Map<string, string>()
  for (const line of lines) {
    const match = /^tool (\S+) .*?(\d+(?:\.\d+|beta\d+|rc\d+|devel)*)/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) tools.set(match[1], match[2])
  }
  return {
    port: /^\d+$/.test(pidFile[3] ?? '') ? (pidFile[3] ?? null) : null,
    socketFolder: pidFile[4]?.startsWith('/') === true ? pidFile[4] : null,
    tools,
    dumpsZstd: lines.includes('zstd'),
  }
}

/** The port that the container's definition asks for, null when it leaves it at the default. */
export function declaredPort(context: Pick<DriverContext, 'container'>): string | null {
  const { command, env } = context.container
  for (const [index, word] of command.entries()) {
    const next = command[index + 1] ?? ''
    const found =
      /^-p(\d+)$/.exec(word)?.[1] ??
      /^(?:--?c?|-c)?port=(\d+)$/.exec(word)?.[1] ??
      /^--port=(\d+)$/.exec(word)?.[1] ??
      (/^(-p|--port)$/.test(word) ? /^(\d+)$/.exec(next)?.[1] : undefined)
    if (found !== undefined) return found
  }
  return env['PGPORT'] ?? env['POSTGRESQL_PORT_NUMBER'] ?? null
}

/** Password variables by who made the image, with the user that each is for. */
const passwordVariables: readonly {
  readonly password: string
  readonly user: string
  readonly fixedUser: string | null
}[] = [
  { password: 'POSTGRES_PASSWORD', user: 'POSTGRES_USER', fixedUser: null },
  { password: 'POSTGRESQL_POSTGRES_PASSWORD', user: '', fixedUser: 'postgres' },
  { password: 'POSTGRESQL_PASSWORD', user: 'POSTGRESQL_USERNAME', fixedUser: null },
]

/** All ways in, the likeliest first. */
function candidates(context: DriverContext, { socketFolder }: Surroundings): readonly Candidate[] {
  const { env } = context.container
  const isSet = (name: string): boolean =>
    env[name] !== undefined || env[`${name}_FILE`] !== undefined
  const option = context.options['user']
  const users: Omit<Candidate, 'host' | 'operatingSystemUser'>[] = []
  const known = passwordVariables.filter(each => isSet(each.password))
  if (typeof option === 'string' && option !== '') {
    for (const each of known)
      users.push({ userVariable: '', user: option, passwordVariable: each.password })
    users.push({ userVariable: '', user: option, passwordVariable: '' })
  }
  for (const each of known) {
    const named = each.fixedUser === null && isSet(each.user)
    users.push({
      userVariable: named ? each.user : '',
      user: named ? '' : (each.fixedUser ?? 'postgres'),
      passwordVariable: each.password,
    })
  }
  if (known.length === 0 && isSet('POSTGRES_USER')) {
    users.push({ userVariable: 'POSTGRES_USER', user: '', passwordVariable: '' })
  }
  users.push({ userVariable: '', user: 'postgres', passwordVariable: '' })
  const hosts = [...new Set([socketFolder, null, '127.0.0.1'])]
  return users.flatMap(user =>
    hosts.flatMap(host =>
      // A socket may ask who the operating system says we are (`peer`).
      (host === '127.0.0.1' ? [null] : [null, 'postgres']).map(operatingSystemUser => ({
        ...user,
        host,
        operatingSystemUser,
      })),
    ),
  )
}

function describe(context: DriverContext, candidate: Candidate): string {
  const { env } = context.container
  const variable = candidate.passwordVariable
  const secret = context.options['password'] !== undefined && context.options['password'] !== ''
  if (secret) return 'the password from the settings'
  if (variable === '') return 'the local socket, without a password'
  return env[variable] === undefined ? `${variable}_FILE` : variable
}

function loginOf(
  context: DriverContext,
  surroundings: Surroundings,
  candidate: Candidate,
  maintenance: string,
): Login {
  const optionPort = context.options['port']
  const port =
    typeof optionPort === 'number' && optionPort > 0
      ? String(optionPort)
      : (surroundings.port ?? declaredPort(context) ?? '5432')
  const password = context.options['password']
  const given = typeof password === 'string' && password !== ''
  const flags = [
    ...(candidate.host === null ? [] : [`--host=${candidate.host}`]),
    `--port=${port}`,
    '--no-password',
  ]
  return {
    surroundings,
    flags,
    maintenance,
    user: candidate.user,
    credentialSource: describe(context, candidate),
    argv: (...tool) => [
      'sh',
      '-c',
      credentialScript,
      'lifeboat-postgres',
      given ? '' : candidate.passwordVariable,
      candidate.userVariable,
      ...tool,
    ],
    options: {
      signal: context.signal,
      env: {
        PGAPPNAME: 'lifeboat',
        PGCONNECT_TIMEOUT: '15',
        ...(candidate.userVariable === '' ? { PGUSER: candidate.user } : {}),
        ...(given ? { PGPASSWORD: password } : {}),
      },
      ...(candidate.operatingSystemUser === null ? {} : { user: candidate.operatingSystemUser }),
    },
  }
}

async function surroundingsOf(context: DriverContext): Promise<Surroundings> {
  const { env } = context.container
  const folders = [env['PGDATA'], '/var/lib/postgresql/data', '/bitnami/postgresql/data'].filter(
    folder => folder !== undefined && folder !== '',
  ) as readonly string[]
  const bare = ['sh', '-c', credentialScript, 'lifeboat-postgres', '', '']
  const answer = await lookAround(
    context.place,
    [...bare, 'sh', '-c', lookScript, 'lifeboat-look', ...folders],
    {
      signal: context.signal,
    },
  )
  const surroundings = readSurroundings(answer.stdout)
  if (!surroundings.tools.has('psql')) {
    throw new AppError('tool-missing', {
      message: `There is no psql in ${context.place.description}.`,
      state: NOTHING_CHANGED,
      hint: 'Use an image that holds the Postgres client programs, or exclude the database and stop the service for its volume.',
      details: answer.stderr,
    })
  }
  return surroundings
}

/**
 * Finds a way into the server: where it listens (its own pid file, its definition, the defaults), as
 * whom, with which of the container's variables. Found once for each context. Rejects with
 * `database-login` that names what was tried (rule B2), or `tool-missing`.
 */
export const findLogin = oncePerContext(search)

async function search(context: DriverContext): Promise<Login> {
  const surroundings = await surroundingsOf(context)
  const tried: string[] = []
  const said: string[] = []
  for (const candidate of candidates(context, surroundings)) {
    for (const maintenance of ['postgres', 'template1']) {
      const login = loginOf(context, surroundings, candidate, maintenance)
      const argv = login.argv(
        'psql',
        '-X',
        '-A',
        '-t',
        '-q',
        ...login.flags,
        inDatabase(maintenance),
        '-c',
        'select current_user',
      )
      const answer = await runTool(context.place, argv, login.options)
      if (answer.exitCode === 0) return { ...login, user: answer.stdout.trim() }
      said.push(answer.stderr.trim())
      if (!tried.includes(login.credentialSource)) tried.push(login.credentialSource)
      if (!/database "postgres" does not exist/.test(answer.stderr)) break
    }
    // A server that starts up or shuts down turns everybody away: no other login will do better.
    if (/starting up|shutting down|not yet accepting/.test(said.at(-1) ?? '')) break
  }
  throw new AppError('database-login', {
    message: `No login to the Postgres server in ${context.place.description} worked.`,
    state: NOTHING_CHANGED,
    hint: `Tried: ${tried.join(', ')}. Set user and password for this engine, or exclude the database: its volume is then copied with the service stopped.`,
    details: [...new Set(said)].join('\n').slice(0, 4000),
  })
}
