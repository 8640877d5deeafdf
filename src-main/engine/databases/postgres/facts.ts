import { z } from 'zod'

import { factsOf } from '../tools/stored-facts.ts'
import type { Session } from './session.ts'

/** What a restore must know of one database beyond its dump. Kept in the manifest: no secrets. */
export const factsSchema = z.object({
  /** Version of this record. */
  format: z.literal(1),
  serverVersion: z.string(),
  /** `170012` for 17.12. */
  serverVersionNumber: z.number().int(),
  /** Who the dump was made as; the restore guide logs in as this. */
  user: z.string(),
  encoding: z.string(),
  collate: z.string(),
  characterType: z.string(),
  localeProvider: z.enum(['libc', 'icu', 'builtin']),
  /** Of ICU and builtin providers. */
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
  owner: z.string(),
  connectionLimit: z.number().int(),
  tablespace: z.string(),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  /** Names of settings that the database has of its own; their values may be secrets and are in an artifact. */
  databaseSettings: z.array(z.string()),
  /** Settings of the server that differ from the defaults, without those that may hold secrets. */
  serverSettings: z.record(z.string(), z.string()),
  tables: z.number().int(),
  sequences: z.number().int(),
  largeObjects: z.number().int(),
  dumpFormat: z.enum(['custom', 'plain']),
})

export type PostgresFacts = z.infer<typeof factsSchema>

interface DatabaseRow {
  readonly encoding_name: string
  readonly owner: string
  readonly tablespace: string
  readonly row: {
    readonly datcollate: string
    readonly datctype: string
    readonly datconnlimit: number
    readonly datlocprovider?: string
    /** Postgres 15 and 16. */
    readonly daticulocale?: string | null
    /** Postgres 17 and later. */
    readonly datlocale?: string | null
    readonly daticurules?: string | null
  }
}

// `to_jsonb` of the whole row: columns came and went between versions.
const databaseQuery = `
select pg_encoding_to_char(d.encoding) as encoding_name, pg_get_userbyid(d.datdba) as owner,
       t.spcname as tablespace, to_jsonb(d) as row
  from pg_database d join pg_tablespace t on t.oid = d.dattablespace
 where d.datname = current_database()`

const extensionQuery = `
select e.extname as name, e.extversion as version, n.nspname as schema
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace order by 1`

const numberQuery = `
select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
       (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema') as tables,
       (select count(*) from pg_class where relkind = 'S') as sequences,
       (select count(*) from pg_largeobject_metadata) as large_objects`

const settingQuery = `
select distinct split_part(entry, '=', 1) as name
  from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) entry
 where d.datname = current_database() order by 1`

// Commands and connection strings may hold passwords; names with a dot belong to extensions and apps.
const serverSettingQuery = `
select name, setting from pg_settings
 where source in ('configuration file', 'command line', 'global') and setting is distinct from boot_val
   and name !~ '(command|conninfo|passphrase|password|secret|token|key|_file$|_directory$|_directories$|\\.)'
   and context <> 'internal' order by name`

const providers = { c: 'libc', i: 'icu', b: 'builtin', d: 'libc' } as const

/** Collects the facts of the session's database. */
export async function readFacts(
  session: Session,
  user: string,
  format: 'custom' | 'plain',
): Promise<PostgresFacts> {
  const [database] = await session.rows<DatabaseRow>(databaseQuery)
  const [numbers] = await session.rows<{
    readonly version: string
    readonly number: number
    readonly tables: number
    readonly sequences: number
    readonly large_objects: number
  }>(numberQuery)
  if (database === undefined || numbers === undefined)
    throw new Error('the catalogue gave no answer')
  const { row } = database
  const settings = await session.rows<{ readonly name: string; readonly setting: string }>(
    serverSettingQuery,
  )
  const own = await session.rows<{ readonly name: string }>(settingQuery)
  return {
    format: 1,
    serverVersion: numbers.version,
    serverVersionNumber: numbers.number,
    user,
    encoding: database.encoding_name,
    collate: row.datcollate,
    characterType: row.datctype,
    localeProvider: providers[(row.datlocprovider ?? 'c') as keyof typeof providers],
    locale: row.datlocale ?? row.daticulocale ?? null,
    icuRules: row.daticurules ?? null,
    owner: database.owner,
    connectionLimit: row.datconnlimit,
    tablespace: database.tablespace,
    extensions: [...(await session.rows<PostgresFacts['extensions'][number]>(extensionQuery))],
    databaseSettings: own.map(each => each.name),
    serverSettings: Object.fromEntries(settings.map(each => [each.name, each.setting])),
    tables: numbers.tables,
    sequences: numbers.sequences,
    largeObjects: numbers.large_objects,
    dumpFormat: format,
  }
}

/** The facts as a snapshot kept them. Rejects with `not-supported` when they are no such facts. */
export function storedFacts(facts: unknown): PostgresFacts {
  return factsOf(factsSchema, facts, 'this database')
}
