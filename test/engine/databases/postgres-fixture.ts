import { createHash } from 'node:crypto'

import { postgres } from '../../../src-main/engine/databases/postgres.ts'
import { identifier, literal } from '../../../src-main/engine/databases/postgres/sql.ts'
import type { DatabaseFixture } from './fixture.ts'
import { type LabServer, startServer } from './lab-server.ts'

const password = `p'a"s\\s $HOME \`id\` %s;#`
const user = 'chat alot'
const main = 'chatalot'
const hostile = `a 'b" $(touch /tmp/canary); -- =x`
const empty = 'leer'

/** psql as a person in the container would use it. */
export function psql(server: LabServer, database: string, sql: string): Promise<string> {
  const name = `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return server.exec(
    ['psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-U', user, '-d', name],
    sql,
  )
}

const data = `
create extension pg_trgm;
create extension pgcrypto;
create role "lese'r; drop" login password 'a secret' connection limit 7;
create role gruppe;
grant gruppe to "lese'r; drop";
create schema "Schema mit "" und '";
create type "Schema mit "" und '".stimmung as enum ('gut', 'schlecht');
create table public.messages (
  id bigint generated always as identity primary key,
  body text not null, at timestamptz, meta jsonb, weight float8, price numeric, raw bytea, tags text[], day date);
insert into public.messages (body, at, meta, weight, price, raw, tags, day)
  select 'Nachricht ' || i || ' äöü 漢字 😀 \\ '' " $(id)', timestamptz '1901-02-03 04:05:06.789+00' + i * interval '1 hour',
         jsonb_build_object('i', i, 'text', E'a\\nb\\t"'), case i % 4 when 0 then 'NaN' when 1 then 'Infinity' when 2 then -0.1 end,
         i * 0.01, decode(md5(i::text), 'hex'), array['x', 'y,z', null, i::text], date '0044-03-15 BC' + i
    from generate_series(1, 20000) i;
insert into public.messages (body, raw) values ('', ''), (E'\\x01\\x7f', null);
create table "Schema mit "" und '"."Tabelle; select 1" ("Spalte ""x""" text, m "Schema mit "" und '".stimmung);
insert into "Schema mit "" und '"."Tabelle; select 1" values ('a', 'gut'), (null, null);
create table public.big (id int primary key, value bytea);
alter table public.big alter column value set storage external;
insert into public.big values (1, decode(repeat(md5('x'), 3276800), 'hex')), (2, '');
create table public.parted (k int, v text) partition by range (k);
create table public.parted_1 partition of public.parted for values from (0) to (100);
create table public.parted_2 partition of public.parted for values from (100) to (200);
insert into public.parted select i, 'v' || i from generate_series(0, 199) i;
create table public.parent (a int);
create table public.child (b int) inherits (public.parent);
insert into public.parent values (1); insert into public.child values (2, 3), (4, 5);
create unlogged table public.unlogged (a int); insert into public.unlogged values (1);
create materialized view public.per_day as select day, count(*) from public.messages group by day;
create materialized view public.unfilled as select 1 as one with no data;
create view public.short as select id, left(body, 10) as body from public.messages;
create sequence public.counter start 5 increment 7; select nextval('public.counter'), nextval('public.counter');
create function public.twice(a int) returns int language plpgsql as $f$ begin return a * 2; end $f$;
create table public.left_half (i int); create table public.right_half (i int);
create index on public.messages using gin (body gin_trgm_ops);
create rule no_delete as on delete to public.parent do instead nothing;
alter table public.messages owner to gruppe;
grant select, insert on public.big to "lese'r; drop";
grant usage on schema "Schema mit "" und '" to public;
alter default privileges for role gruppe grant select on tables to "lese'r; drop";
alter table public.parted enable row level security;
create policy mine on public.parted using (k > 5);
select lo_from_bytea(0, decode(repeat('00ff', 100000), 'hex'));
select lo_from_bytea(4711, '');
alter database ${main} set search_path = "$user", public, "Schema mit "" und '";
alter database ${main} set "app.key" = 'se''cret';
alter role "lese'r; drop" in database ${main} set work_mem = '8MB';
alter database ${main} connection limit 90;
comment on database ${main} is 'Der Chat; it''s "ours"';
grant connect on database ${main} to gruppe with grant option;
`

export const postgresFixture: DatabaseFixture = {
  engine: postgres,
  password,
  main,
  hostile,
  empty,
  large: 'large',
  pairTables: ['public.left_half', 'public.right_half'],
  passwordVariable: 'POSTGRES_PASSWORD',
  dumpProcess: 'pg_dump',
  crashWords: /was terminated|terminating any other active|PANIC|unexpected exit/i,
  start: (more = {}) =>
    startServer({
      image: 'postgres:17',
      env: { POSTGRES_PASSWORD: password, POSTGRES_USER: user, POSTGRES_DB: main, ...more.env },
      docker: more.docker ?? [],
      command: more.command ?? [],
    }),
  async fill(server) {
    await psql(server, main, data)
    await psql(
      server,
      main,
      `create database ${identifier(hostile)} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`,
    )
    await psql(server, main, `create database ${empty}`)
    await psql(
      server,
      hostile,
      `create table "t""a'b" (x text); insert into "t""a'b" values ('ä'), (E'$(touch /tmp/canary)\\n')`,
    )
  },
  async fingerprint(server, database) {
    const there = await psql(
      server,
      'template1',
      `select 1 from pg_database where datname = ${literal(database)}`,
    )
    if (there.trim() === '') return null
    const name = `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
    const text = await server.exec([
      'sh',
      '-c',
      // Everything that pg_dump knows, with the database itself; its random tokens left out.
      'pg_dump --create "$@" >/tmp/fingerprint || exit 1; grep -av "^.\\(un\\)\\?restrict " /tmp/fingerprint | sha256sum; rm /tmp/fingerprint',
      'x',
      '-U',
      user,
      '-d',
      name,
    ])
    const counts = await psql(
      server,
      database,
      `select string_agg(format('%s=%s', relname, last_value), ' ' order by relname) from pg_class c, lateral pg_sequence_last_value(c.oid) last_value where relkind = 'S'`,
    )
    return createHash('sha256')
      .update(text + counts)
      .digest('hex')
  },
  async damage(server, database) {
    if (database === main) {
      await psql(
        server,
        database,
        `delete from public.messages where id % 3 = 0; drop table public.big; select lo_unlink(4711); select nextval('public.counter');
         create table public.unwanted (a int); revoke all on schema public from public; alter database ${main} reset all`,
      )
    } else {
      await psql(server, database, 'create table damage (a int)')
    }
  },
  async lose(server, database) {
    await psql(server, 'template1', `drop database ${identifier(database)} with (force)`)
  },
  surroundings: server =>
    psql(
      server,
      'template1',
      `select 'database ' || datname || datallowconn from pg_database union all select 'role ' || rolname from pg_roles order by 1`,
    ),
  async writePairs(server, database, goOn) {
    let written = 0
    for (; goOn(); written += 1) {
      await psql(
        server,
        database,
        'begin; insert into public.left_half values (1); select pg_sleep(0.05); insert into public.right_half values (1); commit',
      )
    }
    return written
  },
  async breakLogin(server) {
    await psql(server, main, `alter role ${identifier(user)} password 'another one'`)
    await server.exec([
      'sh',
      '-c',
      `sed -i 's/^local.*/local all all scram-sha-256/; s/trust$/scram-sha-256/' "$PGDATA/pg_hba.conf" && kill -HUP 1`,
    ])
  },
  async hideTool(server) {
    await server.exec(['sh', '-c', 'for f in $(which -a pg_dump); do mv "$f" "$f.hidden"; done'])
  },
  async grow(server) {
    await psql(server, main, 'create database large')
    await psql(
      server,
      'large',
      `create table t as select i, sha512(i::text::bytea) a, sha512((i * 7)::text::bytea) b from generate_series(1, 400000) i`,
    )
  },
  async sessions(server) {
    return Number(
      await psql(
        server,
        'template1',
        `select count(*) from pg_stat_activity where application_name = 'lifeboat'`,
      ),
    )
  },
}
