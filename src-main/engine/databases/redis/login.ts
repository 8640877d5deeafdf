import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { CommandOptions } from '../../lib/command.ts'
import type { DriverContext } from '../database.ts'
import { oncePerContext } from '../tools/once-per-context.ts'
import { lookAround, runTool } from '../tools/run-tool.ts'

/**
 * Runs before every tool, inside the container: the password is read there and goes to the tool by its
 * environment (rule B1).
 *   $1 `variables`: the first of $2 that is set, or its `_FILE`   `file`: `requirepass` of the
 *   configuration $2   `given`: REDISCLI_AUTH as it is   `none`: no password
 */
const credentialScript = `
how=$1 what=$2
shift 2
value=
case $how in
  variables)
    for name in $what; do
      eval "value=\\\${$name-} file=\\\${\${name}_FILE-}"
      if [ -z "$value" ] && [ -n "$file" ]; then value=$(cat "$file"); fi
      [ -z "$value" ] || break
    done ;;
  file) value=$(sed -n 's/^[[:space:]]*requirepass[[:space:]]\\{1,\\}//p' "$what" | tail -n 1 | sed -e 's/^"\\(.*\\)"$/\\1/' -e "s/^'\\(.*\\)'$/\\1/") ;;
esac
case $how in
  variables | file) REDISCLI_AUTH=$value; export REDISCLI_AUTH ;;
  none) unset REDISCLI_AUTH ;;
esac
exec "$@"
`

const lookScript = `
for tool in redis-cli valkey-cli redis-server valkey-server; do
  command -v "$tool" >/dev/null && echo "$tool"
done
exit 0
`

/** A way in that worked. */
export interface Login {
  readonly client: string
  /** The program of the server, null when it is not in the container's PATH. */
  readonly server: string | null
  readonly port: number
  readonly credentialSource: string
  /** Makes the argv of any tool, with the password in its environment. */
  argv(...tool: readonly string[]): readonly string[]
  readonly options: Omit<CommandOptions, 'stdin'>
  /** Sends one command and gives back the reply as text; rejects when the server answers with an error. */
  ask(...command: readonly string[]): Promise<string>
}

interface Candidate {
  readonly how: 'variables' | 'file' | 'given' | 'none'
  readonly what: string
  readonly secret: string | null
  readonly label: string
}

const variables = ['REDIS_PASSWORD', 'VALKEY_PASSWORD', 'REDIS_ROOT_PASSWORD', 'REDISCLI_AUTH']

function flagOf(command: readonly string[], name: string): string | undefined {
  const at = command.indexOf(name)
  if (at !== -1) return command[at + 1]
  // `sh -c "redis-server --requirepass $REDIS_PASSWORD"`: only a plain word can be read off.
  return new RegExp(`${name}[= ]+["']?([^\\s"'$]+)`).exec(command.join(' '))?.[1]
}

function candidates({ container, options }: DriverContext): readonly Candidate[] {
  const { env, command } = container
  const list: Candidate[] = []
  const password = options['password']
  if (typeof password === 'string' && password !== '') {
    list.push({ how: 'given', what: '', secret: password, label: 'the password from the settings' })
  }
  const flag = flagOf(command, '--requirepass')
  if (flag !== undefined) {
    list.push({ how: 'given', what: '', secret: flag, label: '--requirepass of the command' })
  }
  const set = variables.filter(name => Boolean(env[name]) || Boolean(env[`${name}_FILE`]))
  if (set.length > 0) {
    const label = set.map(name => (env[name] ? name : `${name}_FILE`)).join(', ')
    list.push({ how: 'variables', what: set.join(' '), secret: null, label })
  }
  list.push({ how: 'none', what: '', secret: null, label: 'no password' })
  const file = command.find(word => /^\/.*\.conf$/.test(word))
  if (file !== undefined)
    list.push({ how: 'file', what: file, secret: null, label: `requirepass in ${file}` })
  return list
}

/** What a server that let us in says to a PING: it refuses it too while it is busy or its last save failed. */
const welcome = /^(PONG|MISCONF|LOADING|MASTERDOWN|BUSY)\b/

/** Finds a way into the server, once for each context. Rejects with `database-login` or `tool-missing`. */
export const findLogin = oncePerContext(search)

async function search(context: DriverContext): Promise<Login> {
  const { place, signal } = context
  const look = await lookAround(place, ['sh', '-c', lookScript], { signal })
  const tools = look.stdout.split('\n')
  const client = ['redis-cli', 'valkey-cli'].find(each => tools.includes(each))
  if (client === undefined) {
    throw new AppError('tool-missing', {
      message: `There is no redis-cli or valkey-cli in ${place.description}.`,
      state: NOTHING_CHANGED,
      hint: 'Use an image that holds the client program, or exclude the database and stop the service for its volume.',
      details: look.stderr,
    })
  }
  const said: string[] = []
  const all = candidates(context)
  for (const candidate of all) {
    const login = loginOf(context, client, tools, candidate)
    const answer = await login
      .ask('PING')
      .catch((error: unknown) => (error instanceof AppError ? (error.details ?? '') : ''))
    if (welcome.test(answer)) return { ...login, server: await serverProgram(login, tools) }
    said.push(answer)
  }
  throw new AppError('database-login', {
    message: `No login to the Redis server in ${place.description} worked.`,
    state: NOTHING_CHANGED,
    hint: `Tried: ${all.map(each => each.label).join('; ')}. Set the password for this engine, or exclude the database.`,
    details: [...new Set(said)].join('\n').slice(0, 2000),
  })
}

function loginOf(
  context: DriverContext,
  client: string,
  tools: readonly string[],
  candidate: Candidate,
): Login {
  const option = context.options['port']
  const port =
    typeof option === 'number' && option > 0
      ? option
      : Number(flagOf(context.container.command, '--port') ?? 6379)
  const user = context.options['user']
  const login: Login = {
    client,
    server: ['redis-server', 'valkey-server'].find(each => tools.includes(each)) ?? null,
    port,
    credentialSource: candidate.label,
    argv: (...tool) => [
      'sh',
      '-c',
      credentialScript,
      'lifeboat-redis',
      candidate.how,
      candidate.what,
      ...tool,
    ],
    options: {
      signal: context.signal,
      env: candidate.secret === null ? {} : { REDISCLI_AUTH: candidate.secret },
    },
    async ask(...command) {
      const flags = [
        '-p',
        String(port),
        ...(typeof user === 'string' && user !== '' ? ['--user', user] : []),
      ]
      return askServer(context, login, [client, ...flags, ...command])
    },
  }
  return login
}

/** The program that the server itself is: another one may not know its format. */
async function serverProgram(login: Login, tools: readonly string[]): Promise<string | null> {
  const text = await login.ask('INFO', 'server')
  const names = /^valkey_version:/m.test(text)
    ? ['valkey-server', 'redis-server']
    : ['redis-server']
  return names.find(each => tools.includes(each)) ?? null
}

/** Runs the client once. An error of the server's is an error here, whatever exit code the client gives. */
export async function askServer(
  context: DriverContext,
  login: Pick<Login, 'argv' | 'options'>,
  argv: readonly string[],
): Promise<string> {
  const { exitCode, stdout, stderr } = await runTool(
    context.place,
    login.argv(...argv),
    login.options,
  )
  const text = stdout.replaceAll('\r', '').trim()
  if (
    exitCode === 0 &&
    !/^(ERR|NOAUTH|NOPERM|WRONGPASS|MISCONF|LOADING|MASTERDOWN|READONLY|BUSY)\b/.test(text) &&
    !/AUTH failed/.test(stderr)
  ) {
    return text
  }
  throw new AppError('command-failed', {
    message: `The Redis server in ${context.place.description} refused a command.`,
    state: NOTHING_CHANGED,
    hint: 'Look at the details; they are the server’s own words.',
    details: (text + '\n' + stderr).trim().slice(0, 2000),
  })
}
