import type { ContainerDefinition } from '../../hosts/host.ts'
import type { DetectedEngine } from '../database.ts'
import { imageBaseName } from '../tools/image-name.ts'

export type Flavor = 'mariadb' | 'mysql'

const mariadb =
  /^(mariadb|mariadb-galera|mariadb-aria|alpine-mariadb|mariadb-server|docker-mariadb.*)$/
const mysql =
  /^(mysql|mysql-server|percona|percona-server|percona-xtradb-cluster|mysql-community-server)$/

function flavorOf({ image, env }: ContainerDefinition): Flavor | null {
  const base = imageBaseName(image)
  if (/backup|dump|exporter|admin|proxy|router|client/.test(base)) return null
  if (mariadb.test(base) || env['MARIADB_VERSION'] !== undefined) return 'mariadb'
  if (mysql.test(base) || env['MYSQL_MAJOR'] !== undefined || env['MYSQL_VERSION'] !== undefined)
    return 'mysql'
  return null
}

function startsServer({ entrypoint, command }: ContainerDefinition): boolean {
  const [first] = command
  if (
    first === undefined ||
    first.startsWith('-') ||
    /(^|\/)(mysqld|mariadbd|mysqld_safe)$/.test(first)
  )
    return true
  const words = [...entrypoint, ...command].join(' ')
  if (/\b(mysqldump|mariadb-dump|mysqladmin|mariadb-admin|crond?|sleep)\b/.test(words)) return false
  return /mysqld|mariadbd|run\.sh|entrypoint|\/init/.test(words)
}

/** A random root password is known to nobody: the declared user is then the one that can log in. */
function loginOf(env: ContainerDefinition['env']): string {
  const isRandom =
    env['MARIADB_RANDOM_ROOT_PASSWORD'] !== undefined ||
    env['MYSQL_RANDOM_ROOT_PASSWORD'] !== undefined
  return (isRandom ? (env['MARIADB_USER'] ?? env['MYSQL_USER']) : undefined) ?? 'root'
}

/** Pure: is this container a server of this flavour? */
export function detectMysql(container: ContainerDefinition, flavor: Flavor): DetectedEngine | null {
  if (flavorOf(container) !== flavor || !startsServer(container)) return null
  const { env, image, command } = container
  const declared = env['MARIADB_DATABASE'] ?? env['MYSQL_DATABASE']
  const flag = /(?:^|\n)--datadir[=\n]([^\n]+)/.exec(command.join('\n'))?.[1]
  const folder = /linuxserver/.test(image)
    ? '/config/databases'
    : /bitnami/.test(image)
      ? `/bitnami/${flavor}/data`
      : '/var/lib/mysql'
  return {
    engine: flavor,
    dataDirectory: flag ?? folder,
    user: loginOf(env),
    ...(declared === undefined ? {} : { databases: [declared] }),
  }
}
