import type { ContainerDefinition } from '../../hosts/host.ts'
import type { DetectedEngine } from '../database.ts'
import { imageBaseName } from '../tools/image-name.ts'

/** Last part of an image's name → a Postgres server. Clients, pools, exporters and backup tools are none. */
const images =
  /^(postgres|postgresql|postgis|timescaledb|timescaledb-ha|pgvector|pgvecto-rs|vectorchord-postgres|vchord-postgres|vchord-suite|cloudnative-vectorchord|postgres-ha|paradedb|citus|pgautoupgrade|postgresml|alloydbomni|supabase-postgres|age|pgroonga|orioledb|spilo-\d+)$/

/** Beyond the image's name: everything that is built on the official image carries these. */
function looksOfficial(env: Readonly<Record<string, string>>): boolean {
  return (
    env['PGDATA'] !== undefined &&
    (env['PG_MAJOR'] !== undefined || env['PG_VERSION'] !== undefined)
  )
}

/**
 * A server's image may also run as a client: a backup container that sleeps and calls `pg_dump`, a job
 * that waits for the database. What it is started with tells.
 */
function startsServer({ entrypoint, command }: ContainerDefinition): boolean {
  const [first] = command
  const throughEntrypoint =
    entrypoint.length === 0 ||
    entrypoint.some(word => /(entrypoint|run|init|start)[^/]*$/.test(word))
  if (throughEntrypoint && (first === undefined || first.startsWith('-'))) return true
  if (first !== undefined && /(^|\/)(postgres|postmaster)$/.test(first)) return true
  const words = [...entrypoint, ...command].join(' ')
  if (/\b(pg_dump|pg_dumpall|pg_restore|pg_isready|psql|pg_basebackup|crond?|sleep)\b/.test(words))
    return false
  return /(^|[\s/])(postgres|postgresql|postmaster|patroni|run\.sh|[\w-]*entrypoint\.sh)\b/.test(
    words,
  )
}

function databaseFolder(container: ContainerDefinition, bitnami: boolean): string {
  const { env, command } = container
  const text = command.join('\n')
  const flag =
    /(?:^|\n)-D\n?([^\n]+)/.exec(text)?.[1] ??
    /(?:^|\n)--?(?:c\n)?data_directory=([^\n]+)/.exec(text)?.[1]
  if (flag !== undefined) return flag
  if (bitnami) return env['POSTGRESQL_DATA_DIR'] ?? '/bitnami/postgresql/data'
  return env['PGDATA'] ?? '/var/lib/postgresql/data'
}

/** Pure: is this container a Postgres server, and what does its definition say about it? */
export function detectPostgres(container: ContainerDefinition): DetectedEngine | null {
  const { image, env } = container
  const base = imageBaseName(image)
  const immich = /(^|\/)immich-app\/postgres(:|@|$)/.test(image)
  if (!images.test(base) && !immich && !looksOfficial(env)) return null
  if (/backup|dump|exporter|bouncer|pgadmin|adminer|pgpool|rest$/.test(base)) return null
  if (!startsServer(container)) return null
  const bitnami = /(^|\/)bitnami(legacy|secure)?\/postgresql/.test(image)
  const user = env['POSTGRES_USER'] ?? env['POSTGRESQL_USERNAME']
  const userUnknown = user === undefined && env['POSTGRES_USER_FILE'] !== undefined
  const database =
    env['POSTGRES_DB'] ??
    env['POSTGRESQL_DATABASE'] ??
    (env['POSTGRES_DB_FILE'] !== undefined || userUnknown ? undefined : (user ?? 'postgres'))
  return {
    engine: 'postgres',
    dataDirectory: databaseFolder(container, bitnami),
    ...(userUnknown ? {} : { user: user ?? 'postgres' }),
    ...(database === undefined ? {} : { databases: [database] }),
  }
}
