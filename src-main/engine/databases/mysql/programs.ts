import type { Session } from './session.ts'
import { hex, identifier, literal } from './sql.ts'

/** What is in a database beside its tables, or one of its tables: everything that a switch must move. */
export interface Part {
  readonly kind: 'table' | 'view' | 'trigger' | 'function' | 'procedure' | 'event'
  readonly name: string
  /** Statement that makes it, for all but tables. */
  readonly body: string
  readonly sqlMode: string
}

/** In the order in which they can be made. */
const kinds = ['function', 'procedure', 'view', 'trigger', 'event'] as const

const lists: Readonly<Record<(typeof kinds)[number] | 'table', string>> = {
  table:
    "select table_name from information_schema.tables where table_type <> 'VIEW' and table_name <> 'lifeboat_parts' and table_schema = ",
  view: 'select table_name from information_schema.views where table_schema = ',
  trigger: 'select trigger_name from information_schema.triggers where trigger_schema = ',
  function:
    "select routine_name from information_schema.routines where routine_type = 'FUNCTION' and routine_schema = ",
  procedure:
    "select routine_name from information_schema.routines where routine_type = 'PROCEDURE' and routine_schema = ",
  event: 'select event_name from information_schema.events where event_schema = ',
}

async function namesOf(
  session: Session,
  kind: keyof typeof lists,
  database: string,
): Promise<readonly string[]> {
  const rows = await session.rows(`${lists[kind]}${literal(database)}`)
  return rows.map(row => row[0] ?? '')
}

/** Everything in a database: tables by name, the rest with the statement that makes it. */
export async function partsOf(session: Session, database: string): Promise<readonly Part[]> {
  await session.run(`use ${identifier(database)}`)
  const parts: Part[] = []
  for (const name of await namesOf(session, 'table', database)) {
    parts.push({ kind: 'table', name, body: '', sqlMode: '' })
  }
  for (const kind of kinds) {
    for (const name of await namesOf(session, kind, database)) {
      const [row = []] = await session.rows(`show create ${kind} ${identifier(name)}`)
      // View: name, statement. Event: name, mode, zone, statement. Others: name, mode, statement.
      const column = kind === 'view' ? 1 : kind === 'event' ? 3 : 2
      parts.push({
        kind,
        name,
        body: row[column] ?? '',
        sqlMode: kind === 'view' ? '' : (row[1] ?? ''),
      })
    }
  }
  return parts
}

/** Drops everything but the tables; events first, so that none begins meanwhile. */
export async function dropPrograms(session: Session, database: string): Promise<void> {
  for (const kind of kinds.toReversed()) {
    for (const name of await namesOf(session, kind, database)) {
      await session.run(`drop ${kind} if exists ${identifier(database)}.${identifier(name)}`)
    }
  }
}

/** Makes what is not a table, in an order that works: views may need each other. */
export async function createPrograms(
  session: Session,
  database: string,
  parts: readonly Part[],
): Promise<void> {
  await session.run(`use ${identifier(database)}`)
  const mode = await session.run('select @@sql_mode')
  let waiting = kinds.flatMap(kind => parts.filter(part => part.kind === kind))
  while (waiting.length > 0) {
    const left: Part[] = []
    let reason: unknown = null
    for (const part of waiting) {
      try {
        if (part.kind !== 'view')
          await session.run(`set session sql_mode = ${literal(part.sqlMode)}`)
        await session.run(part.body)
      } catch (error) {
        reason = error
        left.push(part)
      }
    }
    if (left.length === waiting.length) throw reason
    waiting = left
  }
  await session.run(`set session sql_mode = ${literal(mode)}`)
}

/**
 * Writes down, in the side database itself, what live and staged consist of: whatever happens then, a
 * later process knows what belongs where. Written in one statement: whole or not at all.
 */
export async function saveParts(
  session: Session,
  before: string,
  parts: { readonly live: readonly Part[]; readonly staged: readonly Part[] },
): Promise<void> {
  const table = `${identifier(before)}.lifeboat_parts`
  await session.run(
    `create table if not exists ${table} (id int auto_increment primary key, side varchar(10), content longblob) engine = InnoDB`,
  )
  await session.run(
    `insert into ${table} (side, content) values ('live', ${hex(JSON.stringify(parts.live))}), ('staged', ${hex(JSON.stringify(parts.staged))})`,
  )
}

/** What `saveParts` wrote, null when it did not come to that. */
export async function savedParts(
  session: Session,
  before: string,
): Promise<{ readonly live: readonly Part[]; readonly staged: readonly Part[] } | null> {
  const there = await session.run(
    `select count(*) from information_schema.tables where table_schema = ${literal(before)} and table_name = 'lifeboat_parts'`,
  )
  if (there === '0') return null
  const rows = await session.rows(
    `select side, hex(content) from ${identifier(before)}.lifeboat_parts order by id desc limit 2`,
  )
  const side = (name: string): readonly Part[] | null => {
    const content = rows.find(row => row[0] === name)?.[1]
    return content === undefined
      ? null
      : (JSON.parse(Buffer.from(content, 'hex').toString('utf8')) as readonly Part[])
  }
  const live = side('live')
  const staged = side('staged')
  return live === null || staged === null ? null : { live, staged }
}

/** Names of the tables that are in a database now. */
export async function tablesIn(session: Session, database: string): Promise<ReadonlySet<string>> {
  return new Set(await namesOf(session, 'table', database))
}
