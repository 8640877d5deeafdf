#!/usr/bin/env bash
# Behaves as the official image's entrypoint does: MARIADB_ names, MYSQL_ names, and their _FILE forms.
set -eo pipefail

die() { echo >&2 "error: $*"; exit 1; }

# from_files: each MARIADB_NAME_FILE and MYSQL_NAME_FILE gives MARIADB_NAME or MYSQL_NAME its value.
from_files() {
  local file_name name
  for file_name in $(compgen -e | grep -E '^(MARIADB|MYSQL)_[A-Z_]+_FILE$'); do
    name=${file_name%_FILE}
    [ -z "${!name:-}" ] || die "both $name and $file_name are set"
    export "$name"="$(<"${!file_name}")"
    unset "$file_name"
  done
}

# setting NAME: MARIADB_NAME, or MYSQL_NAME where that is not set.
setting() {
  local ours=MARIADB_$1 theirs=MYSQL_$1
  printf %s "${!ours:-${!theirs:-}}"
}

# quoted TEXT: as an SQL string. The server runs with backslash escapes.
quoted() {
  local text=$1
  text=${text//\\/\\\\}
  printf "'%s'" "${text//\'/\\\'}"
}

identifier() { printf '`%s`' "${1//\`/\`\`}"; }

client() { mariadb --no-defaults --protocol=socket --socket=/run/mysqld/init.sock --user=root --comments "$@"; }

run_script() {
  local target=()
  [ -z "$database" ] || target=("$database")
  case $1 in
    *.sh) if [ -x "$1" ]; then "$1"; else . "$1"; fi ;;
    *.sql) client "${target[@]}" <"$1" ;;
    *.sql.gz) gunzip -c "$1" | client "${target[@]}" ;;
    *.sql.zst) zstd -dc "$1" | client "${target[@]}" ;;
    *) echo "ignoring $1" ;;
  esac
}

first_start() {
  local root_password user password root_host script server
  root_password=$(setting ROOT_PASSWORD)
  database=$(setting DATABASE) user=$(setting USER) password=$(setting PASSWORD)
  root_host=$(setting ROOT_HOST); root_host=${root_host:-%}
  if [ -n "$(setting RANDOM_ROOT_PASSWORD)" ]; then
    root_password=$(head -c 24 /dev/urandom | base64)
    echo "GENERATED ROOT PASSWORD: $root_password"
  fi
  [ -n "$root_password$(setting ALLOW_EMPTY_ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)" ] \
    || die "Database is uninitialized and password option is not specified"
  mariadb-install-db --datadir=/var/lib/mysql --skip-test-db --auth-root-authentication-method=normal \
    --skip-name-resolve --cross-bootstrap >/dev/null
  mariadbd --skip-networking --socket=/run/mysqld/init.sock &
  server=$!
  for _ in $(seq 120); do
    ! client --execute 'select 1' >/dev/null 2>&1 || break
    kill -0 "$server" || die "the server does not start"
    sleep 0.5
  done
  {
    echo "set @@session.sql_log_bin = 0;"
    echo "drop user if exists 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost';"
    if [ "$root_host" != localhost ]; then
      echo "create user 'root'@$(quoted "$root_host") identified by $(quoted "$root_password");"
      echo "grant all on *.* to 'root'@$(quoted "$root_host") with grant option;"
    fi
    [ -z "$database" ] || echo "create database if not exists $(identifier "$database");"
    if [ -n "$user" ] && [ -n "$password" ]; then
      echo "create user $(quoted "$user")@'%' identified by $(quoted "$password");"
      [ -z "$database" ] || echo "grant all on $(identifier "${database//_/\\_}").* to $(quoted "$user")@'%';"
    fi
  } | client
  for script in /docker-entrypoint-initdb.d/*; do
    [ ! -e "$script" ] || run_script "$script"
  done
  echo "alter user 'root'@'localhost' identified by $(quoted "$root_password");" | client
  kill "$server"
  wait "$server"
}

[ "${1:0:1}" != - ] || set -- mariadbd "$@"
[ "$1" != mysqld ] || { shift; set -- mariadbd "$@"; }
[ "$1" = mariadbd ] || exec "$@"

# Before root is given up: secret files often belong to root.
from_files
if [ "$(id -u)" = 0 ]; then
  find /var/lib/mysql /run/mysqld \! -user mysql -exec chown mysql: '{}' +
  exec setpriv --reuid=mysql --regid=mysql --init-groups "$BASH_SOURCE" "$@"
fi
if [ ! -d /var/lib/mysql/mysql ]; then first_start; fi
exec "$@"
