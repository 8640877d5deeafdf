#!/usr/bin/env bash
# The official image's health check, as far as compose files use it: --connect and --innodb_initialized.
set -euo pipefail
for option in "$@"; do
  case $option in
    --connect) mariadb-admin --host=127.0.0.1 --connect-timeout=5 --user=healthcheck --password= ping 2>&1 |
      grep -Eq 'is alive|Access denied' ;;
    --innodb_initialized) test -s /var/lib/mysql/ibdata1 ;;
    *) echo "unknown option $option" >&2; exit 2 ;;
  esac
done
