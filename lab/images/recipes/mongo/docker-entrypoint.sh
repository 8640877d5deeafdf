#!/usr/bin/env bash
# Behaves as the official image's entrypoint does: MONGO_INITDB_ROOT_USERNAME and _PASSWORD make a root
# user at the first start, and switch authentication on.
set -Eeuo pipefail

from_file() {
  local name=$1 file_name="${1}_FILE"
  [ -z "${!file_name:-}" ] || export "$name"="$(<"${!file_name}")"
  unset "$file_name"
}

[ "${1:0:1}" != - ] || set -- mongod "$@"
[ "$1" = mongod ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  find /data/configdb /data/db \! -user mongodb -exec chown mongodb '{}' +
  exec setpriv --reuid=mongodb --regid=mongodb --init-groups "$BASH_SOURCE" "$@"
fi

from_file MONGO_INITDB_ROOT_USERNAME
from_file MONGO_INITDB_ROOT_PASSWORD
if [ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ] && [ -n "${MONGO_INITDB_ROOT_PASSWORD:-}" ]; then
  if [ ! -e /data/db/WiredTiger ]; then
    mongod --dbpath /data/db --bind_ip 127.0.0.1 --port 27017 >/tmp/first-start.log 2>&1 &
    server=$!
    for _ in $(seq 120); do
      ! echo '{"ping": 1}' | mongo-command.py 27017 admin 2>/dev/null || break
      kill -0 "$server" || { cat /tmp/first-start.log; exit 1; }
      sleep 0.5
    done
    python3 -c '
import json, os
print(json.dumps({
    "createUser": os.environ["MONGO_INITDB_ROOT_USERNAME"],
    "pwd": os.environ["MONGO_INITDB_ROOT_PASSWORD"],
    "roles": [{"role": "root", "db": "admin"}],
}))' | mongo-command.py 27017 admin
    kill "$server"
    wait "$server" || true
    rm -f /tmp/first-start.log
  fi
  set -- "$@" --auth
fi
exec "$@" --bind_ip_all
