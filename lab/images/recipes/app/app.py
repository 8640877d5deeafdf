#!/usr/bin/env python3
"""The app of the reference stacks: an HTTP server with /health, and a writer that keeps an invariant.

Environment:
  APP_PORT              port to listen on (8080)
  APP_DATABASE_URL      postgres:// or mysql:// address that /health must be able to query, or tcp://host:port
                        that it must be able to reach; APP_DATABASE_URL_FILE names a file that holds it
  APP_DATABASE_QUERY    the query (select 1)
  APP_REQUIRED_FILES    colon-separated paths; /health is 503 while one of them is absent or unreadable
  APP_STOP_SECONDS      how long the app takes to end after SIGTERM (0)
  APP_WRITE_DIRECTORY   the writer's folder; nothing is written when this is not set
  APP_WRITE_SQLITE      path of a SQLite database (WAL) the writer writes to as well
  APP_WRITE_MILLISECONDS  pause between two writes (20)

The writer's invariant: number N is first written as the file records/N (its content is N, padded), then
committed to SQLite (a row in `entries` and the sum in `totals`, in one transaction), then put into the file
`head` by renaming. So at any one moment max(entries) <= newest record, and head <= max(entries), and
totals.sum = sum(entries). A copy made of moments mixed breaks it.
"""
import http.server
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

stopping = threading.Event()
written = {'count': 0, 'error': None}
RECORD_BYTES = 2048


def setting(name, default=None):
    file = os.environ.get(name + '_FILE')
    if file:
        with open(file, encoding='utf-8') as handle:
            return handle.read().rstrip('\n')
    return os.environ.get(name, default)


def query_database():
    address = setting('APP_DATABASE_URL')
    if not address:
        return
    query = setting('APP_DATABASE_QUERY', 'select 1')
    parts = urllib.parse.urlsplit(address)
    text = lambda value: urllib.parse.unquote(value or '')
    if parts.scheme in ('postgres', 'postgresql'):
        # By the environment, never as an argument: a test may look for secrets in the process list.
        env = dict(os.environ, PGCONNECT_TIMEOUT='5', PGHOST=parts.hostname or '',
                   PGPORT=str(parts.port or 5432), PGUSER=text(parts.username),
                   PGPASSWORD=text(parts.password), PGDATABASE=text(parts.path[1:]))
        argv = ['psql', '--no-psqlrc', '-v', 'ON_ERROR_STOP=1', '-tAc', query]
    elif parts.scheme == 'mysql':
        env = dict(os.environ, MYSQL_PWD=text(parts.password))
        argv = ['mariadb', '--host', parts.hostname, '--port', str(parts.port or 3306), '--user',
                text(parts.username), '--connect-timeout=5', '--execute', query, text(parts.path[1:])]
    elif parts.scheme == 'tcp':
        socket.create_connection((parts.hostname, parts.port), timeout=5).close()
        return
    else:
        raise ValueError('unknown kind of database address')
    done = subprocess.run(argv, env=env, capture_output=True, timeout=15, check=False)
    if done.returncode != 0:
        raise RuntimeError('database: ' + done.stderr.decode('utf-8', 'replace').strip()[:300])


def check_files():
    for path in filter(None, os.environ.get('APP_REQUIRED_FILES', '').split(':')):
        if os.path.isdir(path):
            os.listdir(path)
        else:
            with open(path, 'rb') as handle:
                handle.read(1)


def health():
    try:
        check_files()
        query_database()
        if written['error']:
            raise RuntimeError(written['error'])
        return 200, {'status': 'ok', 'written': written['count']}
    except Exception as error:  # every reason makes it unhealthy; the text says which
        return 503, {'status': 'unhealthy', 'reason': str(error)}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code, body = health() if self.path == '/health' else (200, {'app': 'lab'})
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def open_sqlite(path):
    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    database.execute('pragma journal_mode = wal')
    database.execute('pragma synchronous = normal')
    database.execute('create table if not exists entries (number integer primary key, payload blob)')
    database.execute('create table if not exists totals (id integer primary key, sum integer)')
    database.execute('insert or ignore into totals values (1, 0)')
    return database


def write_forever(folder, sqlite_path, pause):
    records = os.path.join(folder, 'records')
    os.makedirs(records, exist_ok=True)
    numbers = [int(name) for name in os.listdir(records) if re.fullmatch('[0-9]+', name)]
    number = max(numbers, default=0)
    database = open_sqlite(sqlite_path) if sqlite_path else None
    if database:
        number = max(number, database.execute('select coalesce(max(number), 0) from entries').fetchone()[0])
    while not stopping.wait(pause):
        number += 1
        temporary = os.path.join(folder, '.record.tmp')
        with open(temporary, 'w', encoding='ascii') as handle:
            handle.write(str(number).rjust(RECORD_BYTES - 1) + '\n')
        os.rename(temporary, os.path.join(records, str(number)))
        if database:
            database.execute('begin immediate')
            database.execute('insert into entries values (?, randomblob(1500))', (number,))
            database.execute('update totals set sum = sum + ? where id = 1', (number,))
            database.execute('commit')
        temporary = os.path.join(folder, '.head.tmp')
        with open(temporary, 'w', encoding='ascii') as handle:
            handle.write(str(number) + '\n')
        os.rename(temporary, os.path.join(folder, 'head'))
        written['count'] += 1
    if database:
        database.close()


def keep_writing(folder, sqlite_path, pause):
    try:
        write_forever(folder, sqlite_path, pause)
    except Exception as error:  # shown by /health: a writer that fell over is no healthy app
        written['error'] = 'writer: ' + str(error)
        print(written['error'], file=sys.stderr)


def main():
    server = http.server.ThreadingHTTPServer(('', int(os.environ.get('APP_PORT', '8080'))), Handler)
    server.daemon_threads = True

    def stop(*_):
        stopping.set()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    writer = None
    folder = os.environ.get('APP_WRITE_DIRECTORY')
    if folder:
        pause = int(os.environ.get('APP_WRITE_MILLISECONDS', '20')) / 1000
        arguments = (folder, os.environ.get('APP_WRITE_SQLITE'), pause)
        writer = threading.Thread(target=keep_writing, args=arguments)
        writer.start()
    server.serve_forever(poll_interval=0.1)
    if writer:
        writer.join()
    time.sleep(float(os.environ.get('APP_STOP_SECONDS', '0')))


if __name__ == '__main__':
    main()
