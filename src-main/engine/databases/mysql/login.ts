import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { CommandOptions } from '../../lib/command.ts'
import type { DriverContext } from '../database.ts'
import { oncePerContext } from '../tools/once-per-context.ts'
import { lookAround, runTool } from '../tools/run-tool.ts'
import type { Flavor } from './detect.ts'

/** Stands for the user in a tool's arguments; the script puts the real one in its place. */
const USER_FLAG = '--user=LIFEBOAT'

/**
 * Runs before every tool, inside the container: user and password are read there, from the container's
 * own variables and files, and go to the tool by its environment and its user flag (rule B1).
 *   $1 password variables, the first that is set wins; '' for MYSQL_PWD as given
 *   $2 user variables, likewise; '' for $3   $3 the user   then the tool and its arguments
 */
const credentialScript = `
passwords=$1 users=$2 user=$3
shift 3
value() {
  for name in $1; do
    eval "value=\\\${$name-} file=\\\${\${name}_FILE-}"
    if [ -z "$value" ] && [ -n "$file" ]; then value=$(cat "$file"); fi
    [ -z "$value" ] || return 0
  done
  value=
}
if [ -n "$passwords" ]; then value "$passwords"; MYSQL_PWD=$value; export MYSQL_PWD; fi
if [ -n "$users" ]; then value "$users"; user=$value; fi
for word do
  shift
  [ "$word" != ${USER_FLAG} ] || word=--user=$user
  set -- "$@" "$word"
done
unset MYSQL_HOST MYSQL_TCP_PORT MYSQL_UNIX_PORT
LC_ALL=C
export LC_ALL
exec "$@"
`

const lookScript = `
for tool in mariadb mysql mariadb-dump mysqldump; do
  command -v "$tool" >/dev/null && echo "$tool $("$tool" --version)"
done
exit 0
`

/** A way in that worked. */
export interface Login {
  readonly flavor: Flavor
  readonly client: string
  readonly dump: string | null
  /** True when the dump program is MariaDB's, whatever the server is. */
  readonly dumpIsMariadb: boolean
  readonly credentialSource: string
  /** Arguments by which every tool finds its way in; they come first. */
  readonly flags: readonly string[]
  /** Makes the argv of a tool. */
  argv(...tool: readonly string[]): readonly string[]
  readonly options: Omit<CommandOptions, 'stdin'>
}

interface Candidate {
  readonly passwords: string
  readonly users: string
  readonly user: string
  readonly where: readonly string[]
}

const rootPasswords = ['MARIADB_ROOT_PASSWORD', 'MYSQL_ROOT_PASSWORD']
const userPasswords = ['MARIADB_PASSWORD', 'MYSQL_PASSWORD']
const userNames = ['MARIADB_USER', 'MYSQL_USER']

function candidates(context: DriverContext): readonly Candidate[] {
  const { env } = context.container
  const isSet = (name: string): boolean => Boolean(env[name]) || Boolean(env[`${name}_FILE`])
  const option = context.options['user']
  const people: Omit<Candidate, 'where'>[] = []
  if (typeof option === 'string' && option !== '') {
    const all = [...rootPasswords, ...userPasswords].filter(isSet).join(' ')
    people.push({ passwords: all, users: '', user: option })
  }
  if (rootPasswords.some(isSet)) {
    people.push({ passwords: rootPasswords.filter(isSet).join(' '), users: '', user: 'root' })
  }
  people.push({ passwords: '', users: '', user: 'root' })
  if (userPasswords.some(isSet)) {
    people.push({
      passwords: userPasswords.filter(isSet).join(' '),
      users: userNames.join(' '),
      user: '',
    })
  }
  const port = context.options['port']
  const tcp = [
    '--protocol=tcp',
    '--host=127.0.0.1',
    ...(typeof port === 'number' && port > 0 ? [`--port=${port}`] : []),
  ]
  return people.flatMap(person => [[], tcp].map(where => ({ ...person, where })))
}

function describe(context: DriverContext, candidate: Candidate): string {
  const { env } = context.container
  const password = context.options['password']
  if (typeof password === 'string' && password !== '') return 'the password from the settings'
  if (candidate.passwords === '') return `${candidate.user} without a password`
  return candidate.passwords
    .split(' ')
    .map(name => (env[name] ? name : `${name}_FILE`))
    .join(', ')
}

/** Finds a way into the server, once for each context. Rejects with `database-login` or `tool-missing`. */
export const findLogin = oncePerContext(search)

async function search(context: DriverContext, flavor: Flavor): Promise<Login> {
  const { place, signal } = context
  const look = await lookAround(place, ['sh', '-c', lookScript], { signal })
  const tools = new Map(
    look.stdout.split('\n').map(line => [line.split(' ', 1)[0] ?? '', line] as const),
  )
  const client = ['mariadb', 'mysql'].find(each => tools.has(each))
  const dump = ['mariadb-dump', 'mysqldump'].find(each => tools.has(each)) ?? null
  if (client === undefined) {
    throw new AppError('tool-missing', {
      message: `There is no mariadb or mysql client in ${place.description}.`,
      state: NOTHING_CHANGED,
      hint: 'Use an image that holds the client programs, or exclude the database and stop the service for its volume.',
      details: look.stderr,
    })
  }
  const password = context.options['password']
  const given = typeof password === 'string' && password !== ''
  const tried: string[] = []
  const said: string[] = []
  for (const candidate of candidates(context)) {
    const login: Login = {
      flavor,
      client,
      dump,
      dumpIsMariadb: /mariadb/i.test(tools.get(dump ?? '') ?? ''),
      credentialSource: describe(context, candidate),
      flags: [USER_FLAG, ...candidate.where],
      argv: (...tool) => [
        'sh',
        '-c',
        credentialScript,
        'lifeboat-mysql',
        given ? '' : candidate.passwords,
        candidate.users,
        candidate.user,
        ...tool,
      ],
      options: { signal, env: given ? { MYSQL_PWD: password } : {} },
    }
    const answer = await runTool(
      place,
      login.argv(client, ...login.flags, '--connect-timeout=15', '-N', '-B', '-e', 'select 1'),
      login.options,
    )
    if (answer.exitCode === 0) return login
    said.push(answer.stderr.trim())
    if (!tried.includes(login.credentialSource)) tried.push(login.credentialSource)
  }
  throw new AppError('database-login', {
    message: `No login to the database server in ${place.description} worked.`,
    state: NOTHING_CHANGED,
    hint: `Tried: ${tried.join('; ')}. Set user and password for this engine, or exclude the database: its volume is then copied with the service stopped.`,
    details: [...new Set(said)].join('\n').slice(0, 4000),
  })
}
