import type { Session } from './session.ts'

/** A text made by the server, with its SHA-256 made there too. */
export interface ServerText {
  readonly content: Buffer
  readonly sha256: string
}

// psql's own variable: the same file loads under the database's name and under that of a staged copy.
const DB = ':"db"'

// These are kept as lists of quoted identifiers; quoting them again would make one name of them all.
const listSettings =
  "('local_preload_libraries', 'search_path', 'session_preload_libraries', 'shared_preload_libraries', 'temp_tablespaces', 'unix_socket_directories')"

const valueOf = `case when value = '' or value = '""' then ''''''
       when lower(name) in ${listSettings} then value else quote_literal(value) end`

const nameOf = `(select string_agg(quote_ident(part), '.') from unnest(string_to_array(name, '.')) part)`

const statements = `
with d as (select * from pg_database where datname = current_database()),
acl as (select a.* from d, aclexplode(d.datacl) a),
own as (
  select s.setrole, split_part(entry, '=', 1) as name, substr(entry, strpos(entry, '=') + 1) as value, place
    from d join pg_db_role_setting s on s.setdatabase = d.oid, unnest(s.setconfig) with ordinality e (entry, place)
),
lines (rank, line, place) as (
  select 1, format('ALTER DATABASE ${DB} OWNER TO %I;', pg_get_userbyid(datdba)), 0 from d
  union all select 2, format('ALTER DATABASE ${DB} CONNECTION LIMIT %s;', datconnlimit), 0 from d where datconnlimit >= 0
  union all select 3, format('COMMENT ON DATABASE ${DB} IS %L;', shobj_description(oid, 'pg_database')), 0
    from d where shobj_description(oid, 'pg_database') is not null
  union all select 4, 'REVOKE ALL ON DATABASE ${DB} FROM PUBLIC;', 0 from d where datacl is not null
  union all select 5, format('REVOKE ALL ON DATABASE ${DB} FROM %I;', pg_get_userbyid(datdba)), 0 from d where datacl is not null
  union all select 6, format('GRANT %s ON DATABASE ${DB} TO %s%s;', privilege_type,
           case when grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(grantee)) end,
           case when is_grantable then ' WITH GRANT OPTION' else '' end), 0 from acl
  union all select 7, format('ALTER DATABASE ${DB} SET %s TO %s;', ${nameOf}, ${valueOf}), place from own where setrole = 0
  union all select 8, format('ALTER ROLE %I IN DATABASE ${DB} SET %s TO %s;', pg_get_userbyid(setrole), ${nameOf}, ${valueOf}), place
    from own where setrole <> 0
),
text (content) as (
  select concat('-- Owner, rights and settings of the database itself. For another name: psql -v db=NAME', chr(10),
    $lifeboat$\\if :{?db}$lifeboat$, chr(10), $lifeboat$\\else$lifeboat$, chr(10),
    $lifeboat$\\set db '$lifeboat$,
    replace(replace(replace(current_database(), $lifeboat$\\$lifeboat$, $lifeboat$\\\\$lifeboat$), '''', ''''''), chr(10), $lifeboat$\\n$lifeboat$),
    '''', chr(10), $lifeboat$\\endif$lifeboat$, chr(10), string_agg(line, chr(10) order by rank, place, line), chr(10))
    from lines
)
select encode(convert_to(content, 'UTF8'), 'base64') as content, encode(sha256(convert_to(content, 'UTF8')), 'hex') as sha256
  from text`

interface Row {
  readonly content: string
  readonly sha256: string
}

/**
 * The session's database as an object: owner, rights, connection limit, comment and `ALTER DATABASE …
 * SET`, as a psql script. Values may be secrets, so this is an artifact and no fact.
 */
export async function readDatabaseSettings(session: Session): Promise<ServerText> {
  const [row] = await session.rows<Row>(statements)
  if (row === undefined) throw new Error('the server gave no settings')
  return { content: Buffer.from(row.content, 'base64'), sha256: row.sha256 }
}

const files = `
select name, encode(content, 'base64') as content, encode(sha256(content), 'hex') as sha256
  from (select regexp_replace(path, '^.*/', '') as name, pg_read_binary_file(path, 0, 1048576, true) as content
          from (select setting as path from pg_settings where name in ('config_file', 'hba_file', 'ident_file')
                union select current_setting('data_directory') || '/postgresql.auto.conf') p) f
 where content is not null and length(content) > 0`

/** The server's configuration files by their names; only a superuser may read them. */
export async function readConfiguration(
  session: Session,
): Promise<readonly (ServerText & { readonly name: string })[]> {
  const rows = await session.rows<Row & { readonly name: string }>(files)
  return rows.map(row => ({
    name: row.name,
    content: Buffer.from(row.content, 'base64'),
    sha256: row.sha256,
  }))
}
