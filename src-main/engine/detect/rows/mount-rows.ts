import type { Criticality, Item } from '../../../contract/model.ts'
import { isWithin, relativeTo, type StackMount } from '../mounts.ts'
import { isSecretsFolder, keptWithConfig } from '../stack-files.ts'
import { databasePortOf, storeLabel } from '../stores.ts'
import { isSettingsTarget, type ServerView, type StackView } from '../view.ts'
import { leftOut } from './left-out.ts'
import { blank, listed, ownerOf, writersOf } from './row.ts'

/** One row for every mount of the stack, each with its decision and reason. */
export function mountRows(view: StackView): readonly Item[] {
  return joinNested(view.mounts.map(mount => mountRow(view, mount)))
}

const secretsReason =
  'Secrets: copied as a folder, so that its own mode and owner come back too; each file is also kept with config:secrets.'

function mountRow(view: StackView, mount: StackMount): Item {
  const owner = ownerOf(mount)
  const facts = view.factsOf(mount)
  const base = {
    ...blank,
    id: mount.id,
    kind: mount.type === 'bind' ? ('bind' as const) : ('volume' as const),
    service: owner?.container.service ?? null,
    writers: writersOf(view, mount),
    source: mount.source,
    target: owner?.target ?? null,
    sizeBytes: facts?.sizeBytes ?? null,
    criticality: criticalityOf(mount),
  }
  const left = leftOut(view, mount)
  if (left !== null) return { ...base, decision: left.decision, reason: left.reason }
  const config = keptWithConfig(view.facts.group, view.facts.definition, mount)
  if (config !== null && facts?.type !== 'directory') {
    return {
      ...base,
      decision: 'include',
      method: 'copy',
      consistency: 'app-consistent',
      criticality: 'critical',
      takenWith: `config:${config}`,
      reason: `Kept with config:${config}, with mode and owner.`,
    }
  }
  const row: Item = { ...base, ...included(view, mount) }
  if (isSecretsFolder(mount)) return { ...row, criticality: 'critical', reason: secretsReason }
  return config === null ? row : { ...row, criticality: 'critical' }
}

type Included = Pick<Item, 'decision' | 'method' | 'consistency' | 'reason'> &
  Partial<Pick<Item, 'engine' | 'service' | 'criticality'>>

function included(view: StackView, mount: StackMount): Included {
  const taken = { decision: 'include', method: 'copy', consistency: 'app-consistent' } as const
  const server = serverAt(view, mount)
  if (server !== null) {
    const { method = 'copy', ...data } = serverData(view, mount, server)
    return { ...taken, ...data, method }
  }
  const store = view.stores.find(each => each.data.includes(mount))
  if (store !== undefined) {
    return {
      ...taken,
      engine: store.store.id,
      service: store.container.service,
      method: 'stopped-copy',
      criticality: store.store.criticality,
      reason: `${store.store.label} keeps its data here and there is no dump for it: its files are copied while ${store.container.service} is stopped (a stopped copy, not a dump).`,
    }
  }
  const embedded = view.factsOf(mount)?.signatures ?? []
  const [first] = embedded
  if (first !== undefined) {
    return {
      ...taken,
      engine: first.store,
      method: 'stopped-copy',
      criticality: 'critical',
      reason: `A ${storeLabel(first.store)} database lies inside (${first.path}) and nothing can dump it there: the files are copied while ${writersText(view, mount)} stopped (a stopped copy, not a dump).`,
    }
  }
  const port = databasePort(view, mount)
  if (port !== null) return { ...taken, method: 'stopped-copy', reason: port }
  return { ...taken, reason: plainReason(view, mount) }
}

function writersText(view: StackView, mount: StackMount): string {
  const writers = writersOf(view, mount)
  return writers.length === 0
    ? 'nothing writes: all is'
    : `${listed(writers)} ${writers.length === 1 ? 'is' : 'are'}`
}

function serverAt(view: StackView, mount: StackMount): ServerView | null {
  return (
    view.servers.find(each => each.data?.mount === mount || each.below.includes(mount)) ??
    view.servers.find(each => holdsTablespace(view, mount, each)) ??
    null
  )
}

/** A disk of its own on which a Postgres keeps part of its tables. */
function holdsTablespace(view: StackView, mount: StackMount, server: ServerView): boolean {
  return (
    mount.users.some(user => user.container.id === server.container.id) &&
    (view.factsOf(mount)?.signatures ?? []).some(each => each.store === 'postgres-tablespace')
  )
}

function serverData(
  view: StackView,
  mount: StackMount,
  server: ServerView,
): Pick<Item, 'engine' | 'service' | 'criticality' | 'reason'> & {
  readonly method?: Item['method']
} {
  const { service } = server.container
  const common = { engine: server.detected.engine, service, criticality: 'critical' as const }
  if (server.dumped) {
    const others = view.factsOf(mount)?.others ?? []
    const inside = dataPathInside(mount, server)
    if (others.length === 0 || inside === '') {
      return {
        ...common,
        method: 'covered-by-dump',
        reason: `Data folder of ${service}: its databases are dumped, which is safer than copying the files of a running server.`,
      }
    }
    return {
      ...common,
      criticality: 'important',
      reason: `Holds more than the data folder of ${service} (${others[0] ?? ''} …): all but ${inside} is copied, the databases are dumped.`,
    }
  }
  return {
    ...common,
    method: 'stopped-copy',
    reason: `Data folder of ${service}, which cannot be dumped (${server.probe.problem ?? 'unknown reason'}): crash-safe copy, not a dump.`,
  }
}

/** Path of a server's data folder inside one of its mounts; '' when the mount is the data folder or part of it. */
export function dataPathInside(
  mount: StackMount,
  server: Pick<ServerView, 'container' | 'dataDirectory'>,
): string {
  const user = mount.users.find(each => each.container.id === server.container.id)
  return user !== undefined && isWithin(server.dataDirectory, user.target)
    ? relativeTo(user.target, server.dataDirectory)
    : ''
}

function databasePort(view: StackView, mount: StackMount): string | null {
  for (const user of mount.users) {
    if (user.readOnly || isSettingsTarget(user.target)) continue
    const role = view.roleOf(user.container)
    if (role.database !== null || role.store !== null || role.tool !== null) continue
    const port = databasePortOf(user.container)
    if (port === null) continue
    return `${user.container.service} listens on port ${port.port} as ${port.label} does, so it may be a database: its files are copied while it is stopped (a stopped copy, not a dump).`
  }
  return null
}

function plainReason(view: StackView, mount: StackMount): string {
  const writers = writersOf(view, mount)
  if (mount.users.length === 0) {
    return 'Belongs to the stack by its label though no container mounts it now: copied as it is.'
  }
  if (writers.length === 0) return 'Copied as it is: every container of the stack only reads it.'
  const network =
    mount.driver !== null && mount.driver !== 'local'
      ? ` It is kept by the volume driver ${mount.driver}.`
      : ''
  return `Files of ${listed(writers)}: copied while nothing writes to them.${network}`
}

const replayableName =
  /(?:^|[-_./])(?:cache|caches|tmp|temp|transcodes?|thumbs?|thumbnails|logs?|model-?cache)$/i

function criticalityOf(mount: StackMount): Criticality {
  const names = [mount.source, ...mount.users.map(user => user.target)]
  return names.some(name => replayableName.test(name.replace(/\/+$/, '')))
    ? 'replayable'
    : 'important'
}

/** A bind below another one that is taken comes with it, and what writes to it writes to the outer one too. */
function joinNested(rows: readonly Item[]): readonly Item[] {
  const plain = (row: Item): boolean =>
    row.kind === 'bind' && row.decision === 'include' && row.takenWith === undefined
  const outerOf = (row: Item): Item | undefined =>
    rows
      .filter(other => other !== row && plain(other) && other.method !== 'covered-by-dump')
      .filter(other => isWithin(row.source, other.source))
      .toSorted((a, b) => a.source.length - b.source.length)[0]
  const joined = new Map<Item, Item>()
  for (const row of rows) {
    const outer = plain(row) && row.method === 'copy' ? outerOf(row) : undefined
    if (outer !== undefined) joined.set(row, outer)
  }
  return rows.map(row => {
    const outer = joined.get(row)
    if (outer !== undefined) {
      return {
        ...row,
        takenWith: outer.id,
        reason: `Lies inside ${outer.id} and is taken with it.`,
      }
    }
    const inner = [...joined].filter(([, holder]) => holder === row).map(([each]) => each)
    return inner.length === 0
      ? row
      : { ...row, writers: [...new Set([row, ...inner].flatMap(each => each.writers))] }
  })
}
