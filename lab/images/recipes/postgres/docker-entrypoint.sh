#!/usr/bin/env bash
# Behaves as the official image's entrypoint does: the same variables, the same order of things.
set -Eeuo pipefail

die() { echo >&2 "error: $*"; exit 1; }

# from_file NAME DEFAULT: takes the value from the file named by NAME_FILE when that is set.
from_file() {
  local name=$1 file_name="${1}_FILE" value=${2:-}
  [ -z "${!name:-}" ] || [ -z "${!file_name:-}" ] || die "both $name and $file_name are set"
  if [ -n "${!name:-}" ]; then value=${!name}
  elif [ -n "${!file_name:-}" ]; then value=$(<"${!file_name}"); fi
  export "$name"="$value"
  unset "$file_name"
}

run_script() {
  case $1 in
    *.sh) if [ -x "$1" ]; then "$1"; else . "$1"; fi ;;
    *.sql) process_sql -f "$1" ;;
    *.sql.gz) gunzip -c "$1" | process_sql ;;
    *.sql.zst) zstd -dc "$1" | process_sql ;;
    *) echo "ignoring $1" ;;
  esac
}

process_sql() {
  psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password \
    --dbname "$POSTGRES_DB" "$@"
}

first_start() {
  [ -n "$POSTGRES_PASSWORD" ] || [ "${POSTGRES_HOST_AUTH_METHOD:-}" = trust ] \
    || die "Database is uninitialized and superuser password is not specified."
  eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") '"${POSTGRES_INITDB_ARGS:-}"
  local method
  method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption -D "$PGDATA")}
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p ${PGPORT:-5432}" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    printf 'CREATE DATABASE :"db" ;\n' | psql -v ON_ERROR_STOP=1 --no-psqlrc \
      --username "$POSTGRES_USER" --dbname postgres --set db="$POSTGRES_DB"
  fi
  local script
  for script in /docker-entrypoint-initdb.d/*; do
    [ ! -e "$script" ] || run_script "$script"
  done
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
}

[ "${1:0:1}" != - ] || set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"

# Before root is given up: secret files often belong to root.
from_file POSTGRES_PASSWORD
from_file POSTGRES_USER postgres
from_file POSTGRES_DB "$POSTGRES_USER"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql
  chmod 00700 "$PGDATA" || :
  chmod 03775 /run/postgresql || :
  find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
  find /run/postgresql \! -user postgres -exec chown postgres '{}' +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  export POSTGRES_HOST_AUTH_METHOD=${POSTGRES_HOST_AUTH_METHOD:-}
  first_start
fi
exec "$@"
