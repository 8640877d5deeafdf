import type { ContainerDefinition } from '../hosts/host.ts'
import { imageName } from './image-name.ts'

/** Another program that makes backups, by its image, and what its mounts are for (rule D12). */
export interface BackupTool {
  readonly id: string
  readonly label: string
  readonly images: RegExp
  /** Container paths at which it writes its backups. */
  readonly destinations: RegExp
  /** Container paths that it backs up. Everything mounted read-only counts as such too. */
  readonly sources: RegExp
}

const usualDestinations =
  /^\/(?:mnt\/)?(?:backups?|archives?|dest(?:ination)?|repo(?:s|sitory)?|dumps?)(?:\/|$)/
const usualSources = /^\/(?:mnt\/)?(?:sources?|volumes?|userdata|backup-volume)(?:\/|$)/

const tools: readonly BackupTool[] = [
  {
    id: 'docker-volume-backup',
    label: 'docker-volume-backup',
    images: /(?:^|\/)docker-volume-backup$/,
    destinations: /^\/archive(?:\/|$)/,
    sources: /^\/backup(?:\/|$)/,
  },
  {
    id: 'borgmatic',
    label: 'borgmatic',
    images: /(?:^|\/)(?:docker-)?borgmatic(?:-docker)?$/,
    destinations: /^\/(?:mnt\/)?(?:borg|repo|backup)[^/]*(?:\/|$)/,
    sources: usualSources,
  },
  {
    id: 'borg',
    label: 'BorgBackup',
    images:
      /(?:^|\/)(?:borgserver|borg-server|borgbackup|docker-borg[^/]*|aio-borgbackup|borgwarehouse)$/,
    destinations:
      /^\/(?:backup|mnt\/borgbackup|home\/borgwarehouse\/repos|var\/backups?|repos?)(?:\/|$)/,
    sources: /^\/(?:nextcloud_aio_volumes|source|data)(?:\/|$)/,
  },
  {
    id: 'restic-server',
    label: 'restic REST server',
    images: /(?:^|\/)rest-server$/,
    destinations: /^\/data(?:\/|$)/,
    sources: /^$/,
  },
  {
    id: 'backrest',
    label: 'Backrest',
    images: /(?:^|\/)backrest$/,
    destinations: /^\/(?:mnt\/)?(?:repos?|backups?|restic)(?:\/|$)/,
    sources: /^\/(?:userdata|mnt\/userdata)(?:\/|$)/,
  },
  {
    id: 'restic',
    label: 'restic',
    images:
      /(?:^|\/)(?:restic|resticker|restic-backup[^/]*|autorestic|resticprofile|docker-restic[^/]*)$/,
    destinations: /^\/(?:mnt\/|srv\/)?(?:restic|repo|backups?)[^/]*(?:\/|$)/,
    sources: usualSources,
  },
  {
    id: 'duplicati',
    label: 'Duplicati',
    images: /(?:^|\/)duplicati$/,
    destinations: /^\/backups?(?:\/|$)/,
    sources: /^\/sources?(?:\/|$)/,
  },
  {
    id: 'duplicacy',
    label: 'Duplicacy',
    images: /(?:^|\/)duplicacy(?:-web|-autobackup)?$/,
    destinations: /^\/(?:backups?|storage)(?:\/|$)/,
    sources: /^\/(?:backuproot|source|data)(?:\/|$)/,
  },
  {
    id: 'kopia',
    label: 'Kopia',
    images: /(?:^|\/)kopia$/,
    destinations: /^\/(?:repository|repo|backups?)(?:\/|$)/,
    sources: /^\/(?:data|source)(?:\/|$)/,
  },
  {
    id: 'urbackup',
    label: 'UrBackup',
    images: /(?:^|\/)urbackup(?:-server)?$/,
    destinations: /^\/backups?(?:\/|$)/,
    sources: /^$/,
  },
  {
    id: 'volumerize',
    label: 'Volumerize',
    images: /(?:^|\/)volumerize$/,
    destinations: /^\/backup(?:\/|$)/,
    sources: /^\/source(?:\/|$)/,
  },
  {
    id: 'nautical',
    label: 'Nautical Backup',
    images: /(?:^|\/)nautical-backup$/,
    destinations: /^\/app\/destination(?:\/|$)/,
    sources: /^\/app\/source(?:\/|$)/,
  },
  {
    id: 'database-dumps',
    label: 'a scheduled database dump',
    images:
      /(?:^|\/)(?:postgres-backup[^/]*|pg-?backup[^/]*|pgbackweb|(?:docker-)?db-backup|mysql-(?:cron-)?backup[^/]*|mariadb-backup[^/]*|mongo(?:db)?-backup[^/]*|automysqlbackup|postgresus|databasus)$/,
    destinations: /^\/(?:backups?|db|dumps?|postgresus-data|databasus-data)(?:\/|$)/,
    sources: usualSources,
  },
  {
    // Last: programs that nobody listed, known by the word in the image's own name.
    id: 'backup-container',
    label: 'a backup container',
    images:
      /(?:^|[/_-])(?:backups?|backupper|dbbackup)(?:$|[_-](?:docker|container|cron|service|s3))/,
    destinations: usualDestinations,
    sources: usualSources,
  },
]

/** The backup program that runs in a container, or null. */
export function backupToolOf(container: Pick<ContainerDefinition, 'image'>): BackupTool | null {
  const { path } = imageName(container.image)
  return tools.find(tool => tool.images.test(path)) ?? null
}

const destinationName =
  /^(?:(?:db|database|pg|postgres|mysql|sql|auto|app)[-_.]?)?(?:backups?|dumps?)$/i
const mainDataTarget = /\/(?:data|config|storage|html|www|app|lib|files|uploads?)$/i

function lastPart(path: string): string {
  return (
    path
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1) ?? ''
  )
}

/**
 * True for a mount that an application itself writes its backups or dumps to, by the usual names: backing
 * up backups nests them for ever. A folder that is mounted as the main data folder is never one.
 */
export function isDestinationByName(source: string, target: string): boolean {
  if (destinationName.test(lastPart(target))) return true
  const name = lastPart(source)
  const matches = destinationName.test(name) || /[-_.](?:backups?|dumps?)$/i.test(name)
  return matches && !mainDataTarget.test(target.replace(/\/+$/, ''))
}
