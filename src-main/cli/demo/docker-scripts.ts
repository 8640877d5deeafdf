/** Tables, rows, and a role with grants. Same content in every demo. */
export function fillDatabase(reader: string): string {
  return `
    create table members (id serial primary key, name text not null unique, joined date not null);
    create table rooms (id serial primary key, title text not null);
    create table messages (
      id bigserial primary key,
      room int not null references rooms,
      author int not null references members,
      body text not null
    );
    create index on messages (room, id);
    insert into rooms (title) values ('Quay'), ('Káva & tea'), ('Lost and found'), ('⛵');
    insert into members (name, joined)
      select 'member ' || n, date '2026-01-01' + n from generate_series(1, 200) n;
    insert into messages (room, author, body)
      select 1 + n % 4, 1 + n % 200, 'Message ' || n || ': it''s ' || repeat('very ', n % 7) || 'windy'
      from generate_series(1, 5000) n;
    create role ${reader};
    grant select on messages, rooms to ${reader};
    analyze;`
}

/** Uploads with odd names, links, owners and modes; a constant script, run by a plain POSIX shell. */
export const fillUploads = `
  umask 022
  mkdir -p '/data/photos/2026' '/data/odd names' '/data/empty folder'
  chmod 750 '/data/empty folder'
  number=1
  while [ "$number" -le 24 ]; do
    file="/data/photos/2026/quay-$number.jpg"
    seq "$number" $((number * 200)) > "$file"
    number=$((number + 1))
  done
  for name in 'Käse & Brot.txt' "don't panic (final).md" '$(touch lifeboat-demo-was-here).txt' \\
    ' leading space' '-rf' 'boat ⛵.txt' '"quoted".txt'; do
    printf 'This file is called %s\\n' "$name" > "/data/odd names/$name"
  done
  chmod 640 /data/odd\\ names/*
  chown 70000:70001 '/data/odd names/-rf'
  printf 'Welcome aboard.\\n' > /data/welcome.txt
  printf '#!/bin/sh\\necho clean\\n' > /data/clean-up.sh
  chmod 755 /data/clean-up.sh
  : > /data/empty
  ln -s photos/2026/quay-24.jpg /data/latest.jpg
  ln /data/welcome.txt /data/welcome-again.txt
  find /data -type f -exec touch -d '2026-05-17 09:30:00' {} +
`

/** One line for each fact of the uploads: mode, owner, time and target of each file, and its hash. */
export const listUploads = `
  cd /data
  find . ! -name . ! -type d -exec stat -c '%n %a %u:%g %Y %h links' {} +
  find . -type d ! -name . -exec stat -c '%n %a %u:%g' {} +
  find . -type l -exec readlink {} +
  find . -type f -exec sha256sum {} +
`
