"""What runs inside the sandbox's images; all of it is plain busybox shell.

Two traps of Debian's static busybox: its shell prefers its own applets to programs of the same
name, so such programs are called by their path; and `wget -T` crashes.
"""

from __future__ import annotations

from typing import Final

APP: Final = """\
#!/bin/sh
# A small web application: /health, /version, / and /env on port 8080.
set -eu
export HEALTH="${HEALTH:-ok}" VERSION="${VERSION:-0}"
mkdir -p /www
echo "app $VERSION on $(hostname)" >/www/index.html
echo "$VERSION" >/www/version
env | sort >/www/env
health "$HEALTH"
exec httpd -f -p "${PORT:-8080}" -h /www
"""

HEALTH: Final = """\
#!/bin/sh
# health ok|fail: what /health answers from now on, 200 or 404.
case "${1:-ok}" in
  fail) rm -f /www/health ;;
  *) echo ok >/www/health ;;
esac
"""

REDIS: Final = """\
#!/bin/sh
# As the real image does: options alone are for redis-server, and other containers may connect.
set -eu
case "${1:-}" in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ]; then
  case " $* " in *" --protected-mode "*) ;; *) set -- "$@" --protected-mode no ;; esac
fi
exec "$@"
"""

AGENT: Final = """\
#!/bin/sh
# A worker: reads a Redis stream through a consumer group, one entry at a time, acknowledges each.
# When nothing is new it looks at what is pending for it: somebody may have claimed an entry for it.
# REDIS_HOST REDIS_PORT REDIS_PASSWORD[_FILE] STREAM GROUP CONSUMER; WORK_SECONDS per entry.
set -eu
STREAM="${STREAM:-tasks}" GROUP="${GROUP:-agents}" CONSUMER="${CONSUMER:-$(hostname)}"
if [ -n "${REDIS_PASSWORD_FILE:-}" ]; then REDIS_PASSWORD=$(cat "$REDIS_PASSWORD_FILE"); fi
if [ -n "${REDIS_PASSWORD:-}" ]; then export REDISCLI_AUTH="$REDIS_PASSWORD"; fi
redis() { redis-cli -h "${REDIS_HOST:-redis}" -p "${REDIS_PORT:-6379}" "$@"; }
join() { redis XGROUP CREATE "$STREAM" "$GROUP" "${GROUP_START:-0}" MKSTREAM; }
take() { redis XREADGROUP GROUP "$GROUP" "$CONSUMER" COUNT 1 BLOCK 1000 STREAMS "$STREAM" "$1"; }
next='>'
while :; do
  reply=$(take "$next" 2>&1) || reply=
  case "$reply" in
    "$STREAM"*) ;;
    *NOGROUP*) join >/dev/null 2>&1 || sleep 1; continue ;;
    '') next=0; continue ;;
    *) echo "$reply" >&2; sleep 1; continue ;;
  esac
  id=$(echo "$reply" | sed -n 2p)
  [ -n "$id" ] || { next='>'; continue; }
  [ -z "${WORK_SECONDS:-}" ] || sleep "$WORK_SECONDS"
  redis XACK "$STREAM" "$GROUP" "$id" >/dev/null
  echo "$CONSUMER did $id"
done
"""

POSTGRES: Final = """\
#!/bin/sh
# The part of the real image's entry point that matters: a cluster made on the first start, with
# POSTGRES_PASSWORD[_FILE], POSTGRES_USER, POSTGRES_DB and /docker-entrypoint-initdb.d.
set -eu
case "${1:-postgres}" in -*) set -- postgres "$@" ;; postgres) ;; *) exec "$@" ;; esac
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /run/postgresql
  exec /usr/bin/setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user="${POSTGRES_USER:-postgres}" password="${POSTGRES_PASSWORD:-}"
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then password=$(cat "$POSTGRES_PASSWORD_FILE"); fi
  if [ -z "$password" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo "set POSTGRES_PASSWORD, POSTGRES_PASSWORD_FILE or POSTGRES_HOST_AUTH_METHOD=trust" >&2
    exit 1
  fi
  echo "${password:-trust}" >/tmp/password
  initdb -U "$user" --pwfile=/tmp/password --locale=C -E UTF8 --auth=trust \\
    --no-sync ${POSTGRES_INITDB_ARGS:-} >/dev/null
  rm /tmp/password
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
  database="${POSTGRES_DB:-$user}"
  if [ "$database" != postgres ]; then
    echo "create database \\"$database\\"" | postgres --single -j postgres >/dev/null
  fi
  if [ -n "$(ls /docker-entrypoint-initdb.d)" ]; then
    pg_ctl -s -w -o "-c listen_addresses=''" start
    for file in /docker-entrypoint-initdb.d/*; do
      case "$file" in
        *.sql) psql -v ON_ERROR_STOP=1 -U "$user" -d "$database" -f "$file" ;;
        *.sh) . "$file" ;;
      esac
    done
    pg_ctl -s -w -m fast stop
  fi
fi
shift
exec postgres -c listen_addresses='*' "$@"
"""
