import type { DriverContext, DumpArtifact } from '../database.ts'
import { provenCommand, withProof } from '../tools/proven-command.ts'
import type { Login } from './login.ts'
import type { Session } from './session.ts'

/**
 * Prints every user, role and grant as statements, one a line. Arguments: the client with its flags.
 * The questions are made by the server itself, so no name is ever read by the shell.
 */
const usersScript = `
ask() { "$@" -N -B -r --default-character-set=utf8mb4; }
list() {
  where="from mysql.user where user not in ('mariadb.sys', 'mysql.sys', 'mysql.session', 'mysql.infoschema')"
  printf '%s\n' "select concat('$1', quote(user), if(host = '', '', concat('@', quote(host))), ';') $where $2;"
}
roles=$(list 'CREATE ROLE IF NOT EXISTS ' "and is_role = 'Y'" | ask "$@" 2>/dev/null)
users=$(list 'show create user ' "and host <> ''" | ask "$@") || exit 1
grants=$(list 'show grants for ' | ask "$@") || exit 1
printf '%s\n' "$roles"
printf '%s\n' "$users" | ask "$@" --force | sed -e 's/$/;/' -e 's/^CREATE USER /CREATE USER IF NOT EXISTS /'
printf '%s\n' "$grants" | ask "$@" --force | sed -e 's/$/;/'
echo '-- Dump completed'
`

/** Users, roles and their rights: shared by all databases, and a secret. */
export function usersArtifact(context: DriverContext, login: Login): DumpArtifact {
  const argv = withProof(['sh', '-c', usersScript, 'lifeboat-users', login.client, ...login.flags])
  return {
    fileName: 'users.sql',
    database: null,
    content: 'mysql-sql',
    compressed: false,
    estimatedBytes: 4096,
    open: () => provenCommand(context.place, login.argv(...argv), login.options),
  }
}

/** The statements of one user or role. */
export interface UserScript {
  /** As SQL names it, quoted: `'app'@'%'`. */
  readonly name: string
  readonly statements: readonly string[]
}

const part = "(?:`(?:[^`]|``)*`|'(?:[^']|'')*')"
const specification = new RegExp(
  `^(?:CREATE (?:USER|ROLE) IF NOT EXISTS |.*? TO )(${part}(?:@${part})?)`,
)

function unquoted(text: string): string {
  const quote = text[0] ?? ''
  return text.slice(1, -1).replaceAll(quote + quote, quote)
}

/** `user@host`, without quotes, of what SQL quotes in either way. */
function key(name: string): string {
  return [...name.matchAll(new RegExp(part, 'g'))].map(([text]) => unquoted(text)).join('@')
}

/** Users of the script that the server lacks. Statements hold password hashes and never go into a message. */
export async function missingUsers(
  session: Session,
  script: string,
): Promise<readonly UserScript[]> {
  const rows = await session.rows('select user, host from mysql.user')
  const there = new Set(
    rows.map(([user = '', host = '']) => (host === '' ? user : `${user}@${host}`)),
  )
  const users = new Map<string, { name: string; statements: string[] }>()
  for (const line of script.split('\n')) {
    const name = specification.exec(line)?.[1]
    if (name === undefined || there.has(key(name))) continue
    const user = users.get(key(name)) ?? { name, statements: [] }
    user.statements.push(line.replace(/;\s*$/, ''))
    users.set(key(name), user)
  }
  return [...users.values()]
}
