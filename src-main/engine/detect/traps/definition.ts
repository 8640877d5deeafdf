import { imageName } from '../image-name.ts'
import { envValue } from '../view.ts'
import { finding, type Trap } from './trap.ts'

/** Files of the stack's definition that are not where the labels say. */
export const filesMissing: Trap = view => {
  const { files, helperProblem, group } = view.facts
  if (helperProblem !== null) {
    return [
      finding(
        'critical',
        'no-helper',
        null,
        `The files and volumes of ${group.name} cannot be looked into: ${helperProblem}`,
        'Until that is put right, volumes, folders and the Compose file cannot be backed up.',
      ),
    ]
  }
  return files
    .filter(each => !each.exists)
    .map(each =>
      finding(
        each.kind === 'compose' ? 'critical' : 'warning',
        each.kind === 'compose'
          ? 'compose-missing'
          : each.kind === 'env'
            ? 'env-missing'
            : 'secret-missing',
        `config:${each.kind}`,
        `${each.path} is not on the host${each.kind === 'compose' ? ': the stack was started from another computer, by a program that keeps the file elsewhere, or the file was removed' : ''}.`,
        each.kind === 'compose'
          ? 'Put the Compose file on the host, or keep your own copy: without it the stack is made again from the definitions of its containers.'
          : 'Put it back, or take it out of the Compose file.',
      ),
    )
}

/** Compose files that cannot be understood. */
export const composeUnreadable: Trap = view =>
  (view.facts.definition?.problems ?? []).map(problem =>
    finding(
      'warning',
      'compose-unreadable',
      'config:compose',
      problem,
      'It is backed up as it is; env files and secrets that only it names may be missed.',
    ),
  )

/** A secret file that everybody on the host can read. */
export const worldReadable: Trap = view =>
  view.facts.files
    .filter(each => each.exists && each.kind !== 'compose' && ((each.mode ?? 0) & 0o004) !== 0)
    // The public half of a key pair is for everybody.
    .filter(each => !/(?:^|[/._-])pub(?:lic)?(?:[._-]|$)/i.test(each.path))
    .map(each =>
      finding(
        'info',
        'world-readable',
        `config:${each.kind}`,
        `${each.path} can be read by every user of the host (mode ${((each.mode ?? 0) & 0o7777).toString(8)}).`,
        `chmod 600 ${each.path}`,
      ),
    )

/** Images without a fixed version: a restore later may get another one. */
export const movingTag: Trap = view => {
  const moving = view.facts.group.containers.filter(({ image }) => {
    const { path, tag } = imageName(image)
    return path !== '' && !image.includes('@') && (tag === '' || tag === 'latest')
  })
  const [first] = moving
  if (first === undefined) return []
  const names = [...new Set(moving.map(each => each.image))].join(', ')
  return [
    finding(
      'info',
      'latest-tag',
      null,
      `${names} ${moving.length === 1 ? 'has' : 'have'} no fixed version: the snapshot records the exact image, but it may no longer be offered when you need it.`,
      'Name a version in the Compose file.',
    ),
  ]
}

/** Images that are built from a folder on the host. */
export const builtImage: Trap = view =>
  (view.facts.definition?.services ?? [])
    .filter(each => each.builds)
    .map(each =>
      finding(
        'info',
        'built-image',
        null,
        `The image of ${each.name} is built on the host: what it is built from is not part of the backup.`,
        'Keep its sources in a repository of their own.',
      ),
    )

const databaseUrl =
  /^(?:postgres(?:ql)?|mysql2?|mariadb|mongodb(?:\+srv)?|sqlserver)(?:\+[a-z0-9]+)?:\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/?,]+)/i
const hostVariables = [
  ...['DB_HOST', 'DATABASE_HOST', 'POSTGRES_HOST', 'POSTGRES_SERVER', 'MYSQL_HOST', 'MARIADB_HOST'],
  ...['WORDPRESS_DB_HOST', 'DB_HOSTNAME', 'PGHOST', 'PAPERLESS_DBHOST', 'MONGO_HOST'],
]

/** An app whose database is not part of the stack. */
export const externalDatabase: Trap = view => {
  const known = new Set<string>(['localhost', '127.0.0.1', '[::1]', '0.0.0.0'])
  for (const container of view.facts.group.containers) {
    known.add(container.service)
    known.add(container.name)
    const raw = container.raw as { readonly Config?: { readonly Hostname?: unknown } } | null
    if (typeof raw?.Config?.Hostname === 'string') known.add(raw.Config.Hostname)
    for (const alias of aliasesOf(container.raw)) known.add(alias)
  }
  return view.facts.group.containers.flatMap(container => {
    const byUrl = Object.entries(container.env).flatMap(([name, value]) => {
      const host = databaseUrl.exec(value)?.[1]
      return host === undefined ? [] : [{ name, host }]
    })
    const byName = hostVariables.flatMap(name => {
      const host = envValue(container, name)?.split(':', 1)[0]
      return host === undefined ? [] : [{ name, host }]
    })
    const [first] = [...byUrl, ...byName].filter(({ host }) => isHostName(host) && !known.has(host))
    return first === undefined
      ? []
      : [
          finding(
            'warning',
            'external-database',
            null,
            `${container.service} uses a database on ${first.host} (variable ${first.name}), which is not part of this stack: it is not in this stack's backup.`,
            'Back up the stack that runs this database too.',
          ),
        ]
  })
}

/** A path is a local socket, and what holds a reference was filled in by nobody. */
function isHostName(host: string): boolean {
  return /^[a-z0-9[][a-z0-9.\-_:\]]*$/i.test(host)
}

function aliasesOf(raw: unknown): readonly string[] {
  const networks = (raw as { readonly NetworkSettings?: { readonly Networks?: unknown } } | null)
    ?.NetworkSettings?.Networks
  if (typeof networks !== 'object' || networks === null) return []
  return Object.values(
    networks as Readonly<Record<string, { readonly Aliases?: unknown } | null>>,
  ).flatMap(each =>
    Array.isArray(each?.Aliases) ? each.Aliases.filter(alias => typeof alias === 'string') : [],
  )
}
