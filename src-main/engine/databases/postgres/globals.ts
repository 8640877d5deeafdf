import type { DriverContext, DumpSource } from '../database.ts'
import type { Session } from './session.ts'

/** What a script of `pg_dumpall --globals-only` says about one role. */
export interface RoleScript {
  readonly name: string
  readonly create: string
  /** `ALTER ROLE`, `COMMENT ON ROLE` … */
  readonly more: readonly string[]
}

/** One role made a member of another. */
export interface Membership {
  readonly role: string
  readonly member: string
  readonly statement: string
}

export interface Globals {
  readonly roles: readonly RoleScript[]
  readonly memberships: readonly Membership[]
}

/** Cuts an SQL script into statements; quotes, comments and psql's own commands are respected. */
export function statementsOf(script: string): readonly string[] {
  const statements: string[] = []
  const token = /--[^\n]*|^\\[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^;'"\\-]+|[\s\S]/gm
  let current = ''
  for (const [text] of script.matchAll(token)) {
    if (text === ';') {
      if (current.trim() !== '') statements.push(current.trim())
      current = ''
    } else if (!text.startsWith('--') && !/^\\(un)?restrict/.test(text)) {
      current += text
    }
  }
  return statements
}

const name = String.raw`("(?:[^"]|"")*"|[^\s";]+)`
const createRole = new RegExp(`^CREATE (?:ROLE|USER) ${name}`, 'i')
const alterRole = new RegExp(`^(?:ALTER ROLE|COMMENT ON ROLE) ${name}`, 'i')
const inDatabase = new RegExp(`^ALTER ROLE ${name} IN DATABASE`, 'i')
const grantRole = new RegExp(`^GRANT ${name} TO ${name}`, 'i')

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase()
}

/** Takes a globals script apart; what is not about roles (tablespaces) is left out. */
export function parseGlobals(script: string): Globals {
  const roles = new Map<string, { name: string; create: string; more: string[] }>()
  const memberships: Membership[] = []
  for (const statement of statementsOf(script)) {
    const created = createRole.exec(statement)?.[1]
    const altered = inDatabase.test(statement) ? undefined : alterRole.exec(statement)?.[1]
    const granted = grantRole.exec(statement)
    if (created !== undefined) {
      const role = unquoted(created)
      roles.set(role, { name: role, create: statement, more: [] })
    } else if (altered !== undefined) {
      roles.get(unquoted(altered))?.more.push(statement)
    } else if (granted?.[1] !== undefined && granted[2] !== undefined) {
      memberships.push({ role: unquoted(granted[1]), member: unquoted(granted[2]), statement })
    }
  }
  return { roles: [...roles.values()], memberships }
}

/** Reads the globals that came with a snapshot; without them there are no roles to make. */
export async function readGlobals(source: DumpSource): Promise<Globals> {
  const artifact = source.artifacts.find(each => each.fileName === 'globals.sql')
  if (artifact === undefined) return { roles: [], memberships: [] }
  const chunks: Buffer[] = []
  for await (const chunk of artifact.open() as AsyncIterable<Buffer>) chunks.push(chunk)
  return parseGlobals(Buffer.concat(chunks).toString('utf8'))
}

/** Roles of the script that the server lacks. */
export async function missingRoles(
  session: Session,
  globals: Globals,
): Promise<readonly RoleScript[]> {
  const rows = await session.rows<{ readonly name: string }>('select rolname as name from pg_roles')
  const there = new Set(rows.map(row => row.name))
  return globals.roles.filter(role => !there.has(role.name))
}

/**
 * Makes the missing roles, all or none; roles that exist are not touched, not even to give them a
 * membership among themselves. Statements hold password hashes and never go into a message.
 */
export async function createRoles(
  context: DriverContext,
  session: Session,
  missing: readonly RoleScript[],
  globals: Globals,
): Promise<void> {
  if (missing.length === 0) return
  const fresh = new Set(missing.map(role => role.name))
  await session.run('begin')
  try {
    for (const role of missing) await session.run(role.create)
    for (const role of missing) {
      for (const statement of role.more) {
        await tolerantly(
          context,
          session,
          statement,
          `A property of the role ${role.name} was not taken over.`,
        )
      }
    }
    for (const { role, member, statement } of globals.memberships) {
      if (!fresh.has(role) && !fresh.has(member)) continue
      // Who granted it may not exist here; that the membership is there matters more.
      await tolerantly(
        context,
        session,
        statement.replace(/\s+GRANTED BY [\s\S]*$/i, ''),
        `The role ${member} was not made a member of ${role}.`,
      )
    }
    await session.run('commit')
  } catch (error) {
    await session.run('rollback')
    throw error
  }
}

/**
 * On a server that was made for the restore, the roles that it came with get what they had: a password may
 * have been changed since the server was first set up. All or none; statements never go into a message.
 */
export async function alterRoles(
  context: DriverContext,
  session: Session,
  roles: readonly RoleScript[],
): Promise<void> {
  await session.run('begin')
  try {
    for (const role of roles) {
      const warning = `A property of the role ${role.name} was not taken over.`
      for (const statement of role.more) await tolerantly(context, session, statement, warning)
    }
    await session.run('commit')
  } catch (error) {
    await session.run('rollback')
    throw error
  }
}

async function tolerantly(
  context: DriverContext,
  session: Session,
  statement: string,
  warning: string,
): Promise<void> {
  await session.run('savepoint lifeboat_role')
  try {
    await session.run(statement)
    await session.run('release savepoint lifeboat_role')
  } catch {
    await session.run('rollback to savepoint lifeboat_role')
    context.warn(warning)
  }
}
