import { describe, expect, it } from 'vitest'

import { databases } from '../../../src-main/engine/databases/index.ts'
import type { ContainerDefinition } from '../../../src-main/engine/hosts/host.ts'
import { engineLists, type ServiceFixture } from '../../fixtures/projects/define.ts'
import { projects } from '../../fixtures/projects/index.ts'

const driven = new Set(databases.map(each => each.id))

function detected(container: ContainerDefinition): readonly string[] {
  return databases.filter(each => each.detect(container) !== null).map(each => each.id)
}

function containerOf(service: ServiceFixture): ContainerDefinition {
  const [container] = engineLists([{ name: 'one', services: { service } }]).containers
  if (container === undefined) throw new Error('no container')
  return container
}

/** Programs that are near a database, are named like one, or carry its variables, and are none. */
const neighbours: readonly ServiceFixture[] = [
  ...[
    'prometheuscommunity/postgres-exporter:v0.15.0',
    'quay.io/prometheuscommunity/postgres-exporter',
    'dpage/pgadmin4:8',
    'edoburu/pgbouncer:v1.23.1-p2',
    'bitnami/pgpool:4',
    'bitnami/pgbouncer:1',
    'bitnami/postgres-exporter:0',
    'postgrest/postgrest:v12',
    'prodrigestivill/postgres-backup-local:16',
    'kartoza/pg-backup:16',
    'eeshugerman/postgres-backup-s3:15',
    'sosedoff/pgweb',
    'supabase/postgres-meta:v0.84',
    'prom/mysqld-exporter:v0.16.0',
    'phpmyadmin:5',
    'phpmyadmin/phpmyadmin:latest',
    'adminer:4',
    'databack/mysql-backup:1',
    'fradelg/mysql-cron-backup',
    'proxysql/proxysql:2',
    'container-registry.oracle.com/mysql/router:8.0',
    'mysql/mysql-router:8.0',
    'someone/mariadb-backup:1',
    'bitnami/mysqld-exporter:0',
    'rediscommander/redis-commander:latest',
    'ghcr.io/joeferner/redis-commander:latest',
    'redis/redisinsight:2.70',
    'oliver006/redis_exporter:v1.67.0-alpine',
    'bitnami/redis-exporter:1',
    'bitnami/redis-sentinel:7.4',
    'bitnami/valkey-sentinel:8',
    'mongo-express:1',
    'percona/mongodb_exporter:0.43',
    'bitnami/mongodb-exporter:0',
    'nocodb/nocodb:latest',
    'someone/my-postgres-app:1',
    'mysqltuner:1',
    'redis-cache-plugin:1',
  ].map(image => ({
    image,
    env: {
      POSTGRES_PASSWORD: 'a',
      MYSQL_ROOT_PASSWORD: 'b',
      REDIS_PASSWORD: 'c',
      DATABASE_URL: 'postgres://u:p@db/x',
    },
  })),
  // The server's own image as a client, a sentinel, or something that waits.
  {
    image: 'postgres:17',
    entrypoint: ['sh', '-c'],
    command: ['while true; do pg_dump x; sleep 86400; done'],
  },
  { image: 'postgres:17', command: ['pg_isready', '-h', 'db'] },
  { image: 'mariadb:11', entrypoint: ['sh', '-c'], command: ['mariadb-dump --all-databases >/x'] },
  { image: 'mysql:8', command: ['mysqladmin', 'ping', '-h', 'db'] },
  { image: 'mongo:7', command: ['mongosh', '--host', 'db', '--eval', 'rs.initiate()'] },
  { image: 'redis:8', command: ['redis-cli', '-h', 'db', 'monitor'] },
  { image: 'redis:8', command: ['redis-sentinel', '/etc/sentinel.conf'] },
  { image: 'valkey/valkey:8', command: ['valkey-server', '/etc/s.conf', '--sentinel'] },
  { image: 'redis:8', entrypoint: ['sh', '-c'], command: ['sleep infinity'] },
]

/** The same server under the many names and starts that there are for it. */
const servers: readonly (ServiceFixture & { readonly engine: string })[] = [
  { image: 'postgres', engine: 'postgres' },
  { image: 'registry.example:5000/library/postgres:16-alpine', engine: 'postgres' },
  { image: `postgres:17@sha256:${'0'.repeat(64)}`, engine: 'postgres' },
  { image: 'ghcr.io/immich-app/postgres:14-vectorchord0.4.3', engine: 'postgres' },
  { image: 'timescale/timescaledb-ha:pg17', engine: 'postgres' },
  { image: 'bitnami/postgresql:16', engine: 'postgres' },
  { image: 'postgres:17', command: ['postgres', '-c', 'max_connections=300'], engine: 'postgres' },
  { image: 'mariadb:lts', engine: 'mariadb' },
  { image: 'lscr.io/linuxserver/mariadb:latest', engine: 'mariadb' },
  { image: 'mariadb:11', command: ['--max-allowed-packet=96M'], engine: 'mariadb' },
  // MariaDB takes MySQL's variables too: they make it no MySQL.
  {
    image: 'mariadb:11',
    env: { MYSQL_ROOT_PASSWORD: 'x', MYSQL_DATABASE: 'y' },
    engine: 'mariadb',
  },
  { image: 'mysql:8.4', engine: 'mysql' },
  { image: 'percona/percona-server:8.0', engine: 'mysql' },
  { image: 'redis:8-alpine', engine: 'redis' },
  { image: 'bitnami/redis:7.4', engine: 'redis' },
  { image: 'redis/redis-stack-server:7.4.0-v1', engine: 'redis' },
  { image: 'docker.io/valkey/valkey:8-bookworm', engine: 'redis' },
  {
    image: 'redis:7',
    entrypoint: ['sh', '-c'],
    command: ['exec redis-server --requirepass "$REDIS_PASSWORD"'],
    engine: 'redis',
  },
  {
    image: 'redis:7',
    command: ['redis-server', '/etc/redis.conf', '--appendonly', 'yes'],
    engine: 'redis',
  },
]

describe('databases: detection', () => {
  it('gives every container of the projects at most one engine, and the right one', () => {
    const wrong = projects.flatMap(project =>
      Object.entries(project.services).flatMap(([name, service]) => {
        const expected = driven.has(service.engine ?? '') ? [service.engine] : []
        const found = detected(containerOf(service))
        return JSON.stringify(found) === JSON.stringify(expected)
          ? []
          : [`${project.name}/${name} (${service.image}): ${found.join()}, not ${expected.join()}`]
      }),
    )
    expect(wrong).toEqual([])
  })

  it.each(
    neighbours.map(each => [`${each.image} ${each.command?.join(' ') ?? ''}`, each] as const),
  )('takes %s for no server', (_title, service) => {
    expect(detected(containerOf(service))).toEqual([])
  })

  it.each(servers.map(each => [`${each.image} ${each.command?.join(' ') ?? ''}`, each] as const))(
    'knows %s',
    (_title, service) => {
      expect(detected(containerOf(service))).toEqual(
        driven.has(service.engine) ? [service.engine] : [],
      )
    },
  )
})
