import { createHash } from 'node:crypto'

import { mariadb } from '../../../src-main/engine/databases/mariadb.ts'
import { identifier, literal } from '../../../src-main/engine/databases/mysql/sql.ts'
import type { DatabaseFixture } from './fixture.ts'
import { type LabServer, startServer } from './lab-server.ts'

const password = `p'a"s\\s $HOME \`id\` %s;#`
const main = 'shop'
const hostile = 'a \'b" $(touch canary); -- =x'
const empty = 'leer'

/** The client as a person in the container would use it. */
export function sql(server: LabServer, statements: string): Promise<string> {
  const environment = { ...server.client.environment, MYSQL_PWD: password }
  return server.client.run(
    [
      'exec',
      '-i',
      '-e',
      'MYSQL_PWD',
      server.name,
      'mariadb',
      '-uroot',
      '-N',
      '-B',
      '--binary-mode',
      '--max-allowed-packet=1G',
      '--default-character-set=utf8mb4',
    ],
    { input: statements, env: environment },
  )
}

const data = `
create database if not exists ${main} character set utf8mb4 collate utf8mb4_unicode_ci;
use ${main};
create user 'le\\'ser'@'%' identified by 'a secret'; create role gruppe; grant gruppe to 'le\\'ser'@'%';
create table parents (id int primary key, name varchar(100) not null) engine=InnoDB;
create table messages (
  id bigint auto_increment primary key, parent int null, body text, at datetime(6), day date, meta json, weight double, price decimal(20,6),
  raw longblob, bits bit(7), kind enum('a','b''c'), place point, constraint fk foreign key (parent) references parents (id) on delete cascade,
  fulltext (body)) engine=InnoDB;
insert into parents values (1, 'eins'), (2, 'zw"ei');
insert into messages (parent, body, at, day, meta, weight, price, raw, bits, kind, place)
  select 1 + seq % 2, concat('Nachricht ', seq, ' äöü 漢字 😀 \\\\ '' " $(id)\\n\\t'), '1901-02-03 04:05:06.789' + interval seq hour, '0044-03-15',
    json_object('i', seq, 'text', 'a"b'), -0.1 * seq, seq * 0.01, unhex(md5(seq)), b'1010101', 'b''c', point(seq, -seq) from seq_1_to_20000;
insert into messages (body, raw) values ('', ''), (null, null), (concat(char(1), char(127)), x'00ff0a0d1a27225c');
create table big (id int primary key, value longblob) engine=InnoDB;
insert into big values (1, repeat(unhex(md5('x')), 3276800)), (2, '');
create table \`Tabelle; select 1\` (\`Spalte "x" \`\`y\` text, g int generated always as (length(\`Spalte "x" \`\`y\`)) stored) engine=InnoDB;
insert into \`Tabelle; select 1\` (\`Spalte "x" \`\`y\`) values ('a'), (null);
create table parted (k int, v text) partition by range (k) (partition a values less than (100), partition b values less than maxvalue);
insert into parted select seq, concat('v', seq) from seq_0_to_199;
create sequence counter start with 5 increment by 7; select nextval(counter), nextval(counter);
create view short as select id, left(body, 10) as body from messages;
create view a_first as select s.id from short s join parents p on p.id = 1 + s.id % 2;
create table audit (what text) engine=InnoDB;
create table left_half (i int) engine=InnoDB; create table right_half (i int) engine=InnoDB;
delimiter //
create function twice(a int) returns int deterministic begin declare b int; set b = a * 2; return b; end//
create procedure fill(in n int) begin insert into audit values (concat('fill; ', n)); end//
create trigger after_parent after insert on parents for each row begin insert into audit values (concat('neu: ', new.name)); end//
create definer='le\\'ser'@'%' trigger before_big before delete on big for each row begin set @x = old.id; end//
create event cleaner on schedule every 100 year do begin delete from audit where what = 'never'; end//
delimiter ;
grant select, insert on ${main}.* to gruppe; grant select (id, body) on ${main}.messages to 'le\\'ser'@'%';
`

export const mariadbFixture: DatabaseFixture = {
  engine: mariadb,
  password,
  main,
  hostile,
  empty,
  large: 'large',
  pairTables: ['left_half', 'right_half'],
  passwordVariable: 'MARIADB_ROOT_PASSWORD',
  dumpProcess: 'mariadb-dump',
  crashWords: /got signal|InnoDB: Assertion|crash/i,
  start: (more = {}) =>
    startServer({
      image: 'mariadb:11',
      env: { MARIADB_ROOT_PASSWORD: password, MARIADB_DATABASE: main, ...more.env },
      docker: more.docker ?? [],
      command: more.command ?? ['--max-allowed-packet=96M'],
    }),
  async fill(server) {
    await sql(server, data)
    await sql(
      server,
      `create database ${identifier(hostile)} character set latin1; create database ${empty}`,
    )
    await sql(
      server,
      `use ${identifier(hostile)}; create table \`t"a'b\` (x text) engine=InnoDB; insert into \`t"a'b\` values ('ä'), ('$(touch canary)')`,
    )
  },
  async fingerprint(server, database) {
    const there = await sql(
      server,
      `select count(*) from information_schema.schemata where schema_name = ${literal(database)}`,
    )
    if (there.trim() === '0') return null
    const text = await server.client.run(
      [
        'exec',
        '-e',
        'MYSQL_PWD',
        server.name,
        'sh',
        '-c',
        'mariadb-dump -uroot --max-allowed-packet=1G --skip-dump-date --routines --triggers --events --hex-blob --databases -- "$1" >/tmp/fingerprint || exit 1; sha256sum </tmp/fingerprint; rm /tmp/fingerprint',
        'x',
        database,
      ],
      { env: { ...server.client.environment, MYSQL_PWD: password } },
    )
    return createHash('sha256').update(text).digest('hex')
  },
  async damage(server, database) {
    if (database === main) {
      await sql(
        server,
        `use ${main}; delete from messages where id % 3 = 0; drop table big; drop view a_first, short; drop procedure fill; drop event cleaner; create table unwanted (a int); create view unwanted_view as select 1; insert into parents values (3, 'x'); alter database ${main} character set latin1`,
      )
    } else {
      await sql(server, `create table ${identifier(database)}.damage (a int)`)
    }
  },
  async lose(server, database) {
    await sql(server, `drop database ${identifier(database)}`)
  },
  surroundings: server =>
    sql(
      server,
      `select concat('database ', schema_name) from information_schema.schemata union all select concat('user ', user, '@', host) from mysql.user order by 1`,
    ),
  async writePairs(server, database, goOn) {
    let written = 0
    for (; goOn(); written += 1) {
      await sql(
        server,
        `use ${database}; begin; insert into left_half values (1); select sleep(0.05); insert into right_half values (1); commit`,
      )
    }
    return written
  },
  async breakLogin(server) {
    await sql(
      server,
      `alter user 'root'@'%' identified by 'another one'; alter user 'root'@'localhost' identified by 'another one'`,
    )
  },
  async hideTool(server) {
    await server.exec([
      'sh',
      '-c',
      // /bin may be /usr/bin.
      'for f in $(which -a mariadb-dump mysqldump); do [ ! -e "$f" ] || mv "$f" "$f.hidden"; done',
    ])
  },
  async grow(server) {
    await sql(
      server,
      `create database large; use large; create table t (i int primary key, a varchar(200), b varchar(200)) engine=InnoDB; insert into t select seq, sha2(seq, 512), sha2(seq * 7, 512) from seq_1_to_400000`,
    )
  },
  async sessions(server) {
    const text = await sql(
      server,
      `select count(*) from information_schema.processlist where user = 'root' and id <> connection_id() and command <> 'Daemon'`,
    )
    return Number(text.trim())
  },
}
