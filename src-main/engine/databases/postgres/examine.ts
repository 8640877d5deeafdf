import type { Finding } from '../../../contract/model.ts'
import type { Counts, DriverContext, ServerFacts } from '../database.ts'
import { countTables } from './counting.ts'
import { findLogin, type Login } from './login.ts'
import { withSession } from './session.ts'

const MAINTENANCE_BYTES = 16 * 1024 * 1024

interface DatabaseRow {
  readonly name: string
  readonly size: number | null
  readonly template: boolean
  readonly allowed: boolean
}

const databases = `
select datname as name, datistemplate as template, datallowconn as allowed,
       case when has_database_privilege(datname, 'connect') then pg_database_size(datname) end as size
  from pg_database order by datname`

// Left by a restore that is not finished or not confirmed yet.
const ours = /__(lifeboat|before)_[0-9a-f]{8}$/

/** Logs in and looks; changes nothing. */
export async function examinePostgres(context: DriverContext): Promise<ServerFacts> {
  const login = await findLogin(context)
  return withSession(context, login, login.maintenance, async session => {
    const rows = await session.rows<DatabaseRow>(databases)
    const [server] = await session.rows<{
      readonly version: string
      readonly folder: string | null
    }>(
      `select current_setting('server_version') as version,
              (select setting from pg_settings where name = 'data_directory') as folder`,
    )
    const declared =
      context.container.env['POSTGRES_DB'] ?? context.container.env['POSTGRES_USER'] ?? 'postgres'
    const used = await usesMaintenanceDatabase(context, login, rows, declared)
    return {
      version: (server?.version ?? '').split(' ', 1)[0] ?? '',
      databases: rows.map(row => ({
        name: row.name,
        sizeBytes: row.size,
        criticality: 'critical' as const,
        system:
          row.template || !row.allowed || ours.test(row.name) || (row.name === 'postgres' && !used),
      })),
      dataDirectory: server?.folder ?? null,
      findings: findings(rows, context),
      credentialSource: login.credentialSource,
    }
  })
}

/**
 * `postgres` is made with every server and mostly stays empty; it is the app's own where the definition
 * names no other, and whenever something was put into it.
 */
async function usesMaintenanceDatabase(
  context: DriverContext,
  login: Login,
  rows: readonly DatabaseRow[],
  declared: string,
): Promise<boolean> {
  const row = rows.find(each => each.name === 'postgres')
  if (row === undefined || !row.allowed) return false
  if (declared === 'postgres' || (row.size ?? 0) > MAINTENANCE_BYTES) return true
  const tables = await withSession(context, login, 'postgres', session =>
    session.run(`select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`),
  ).catch(() => '1')
  return tables !== '0'
}

function findings(rows: readonly DatabaseRow[], context: DriverContext): readonly Finding[] {
  return rows
    .filter(row => ours.test(row.name))
    .map(row => ({
      code: 'restore-leftover',
      severity: 'warning' as const,
      item: null,
      message: `The server in ${context.place.description} holds ${row.name}, which a restore put aside.`,
      hint: 'It is removed when the restore is confirmed or its time for undo is over.',
    }))
}

/** Counts every table of one database. */
export async function countPostgres(context: DriverContext, database: string): Promise<Counts> {
  const login = await findLogin(context)
  return withSession(context, login, database, async session => {
    await session.run('begin isolation level repeatable read read only')
    return countTables(session, context.countBudgetMs)
  })
}
