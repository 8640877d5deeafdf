import type { Finding, Item } from '../../../contract/model.ts'
import { isAnonymous, isWithin } from '../mounts.ts'
import type { ServerView, StackView, StoreView } from '../view.ts'
import { finding, type Trap } from './trap.ts'

/** A database server whose data folder lies in the container's own layer, or on a volume that nobody named. */
export const serverDataFolder: Trap = view => view.servers.flatMap(server => onServer(view, server))

function onServer(view: StackView, server: ServerView): readonly Finding[] {
  const { container, data, dataDirectory, dumped } = server
  const beside = view.mounts.filter(mount =>
    mount.users.some(
      user =>
        user.container.id === container.id &&
        mount !== data?.mount &&
        (isWithin(user.target, parentOf(dataDirectory)) || isWithin(dataDirectory, user.target)),
    ),
  )
  const misses = beside.map(each => each.id).join(', ')
  const beingDumped = dumped ? ' Its dumps are taken all the same.' : ''
  if (data === null) {
    return [
      finding(
        dumped ? 'warning' : 'critical',
        'container-layer',
        `database:${container.service}/*`,
        `${container.service} keeps its data in ${dataDirectory}, inside the container${misses === '' ? '' : ` and not in ${misses}`}: it is lost when the container is made anew.${beingDumped}`,
        `Mount a volume at ${dataDirectory} after a backup, and restore the dump into it.`,
      ),
    ]
  }
  if (data.mount.type === 'tmpfs') {
    return [
      finding(
        'warning',
        'data-in-memory',
        data.mount.id,
        `${container.service} keeps its data in memory (${dataDirectory}): it is gone when the container stops.${beingDumped}`,
        'If this data matters, mount a volume there instead.',
      ),
    ]
  }
  if (isAnonymous(data.mount, view.facts.group) && misses !== '') {
    return [
      finding(
        dumped ? 'warning' : 'critical',
        'data-folder',
        data.mount.id,
        `${container.service} writes to ${dataDirectory}, which lies on a volume without a name, and not to ${misses}, which looks like the place for it.${beingDumped}`,
        `Mount ${misses} at ${dataDirectory} after a backup, and restore the dump into it.`,
      ),
    ]
  }
  return []
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

const uninteresting =
  /^\/(?:proc|sys|dev|run|tmp|var\/(?:tmp|run|cache|log|lock|spool|mail|lib\/(?:apt|dpkg|systemd|misc|nginx|logrotate|ucf|pam|dbus))|etc|usr|lib|lib64|bin|sbin|opt\/java|root\/\.(?:cache|npm|config|local)|home\/[^/]+\/\.(?:cache|npm|config|local))(?:\/|$)|\/(?:__pycache__|node_modules|\.cache)(?:\/|$)/
const databaseFile = /\.(?:db|db3|sqlite|sqlite3|s3db|mdb|bolt)$/i
const dataPlace =
  /^\/(?:data|config|storage|uploads?|var\/lib\/[^/]+|app\/(?:data|uploads?|storage)|srv\/[^/]+)\/./

/** Paths in a container's own layer that look like data, with what they are. */
export function layerData(
  view: StackView,
  containerId: string,
): { readonly databases: readonly string[]; readonly others: readonly string[] } {
  const container = view.facts.group.containers.find(each => each.id === containerId)
  const targets = (container?.mounts ?? []).map(mount => mount.target)
  const paths = (view.facts.layers.get(containerId) ?? []).filter(
    path =>
      !uninteresting.test(path) &&
      !targets.some(target => isWithin(path, target) || isWithin(target, path)),
  )
  return {
    databases: paths.filter(path => databaseFile.test(path)),
    others: paths.filter(path => !databaseFile.test(path) && dataPlace.test(path)),
  }
}

/** Data folders of a store that lie in its layer: the one that it surely uses, else those that were written to. */
function lostFolders(store: StoreView, written: readonly string[]): readonly string[] {
  const exact = store.store.directoryOf?.(store.container)
  if (exact !== undefined) return [exact]
  return store.store.dataDirectories.filter(folder =>
    written.some(path => path !== folder && isWithin(path, folder)),
  )
}

/** Rows for data that lies in a container's own layer: nothing takes it, so the ledger must say so. */
export function layerRows(view: StackView): readonly Item[] {
  return view.facts.group.containers.flatMap(container => {
    const role = view.roleOf(container)
    // What a server keeps in its layer is spoken of by its own rows and findings.
    if (role.database !== null || role.tool !== null) return []
    const store = view.stores.find(each => each.container.id === container.id)
    const written = view.facts.layers.get(container.id) ?? []
    const lost =
      store === undefined || store.data.length > 0
        ? layerData(view, container.id).databases
        : lostFolders(store, written)
    return lost.map(path => ({
      id: `layer:${container.service}${path}`,
      kind: 'bind' as const,
      engine: store?.store.id ?? null,
      service: container.service,
      writers: [container.service],
      source: path,
      target: path,
      sizeBytes: null,
      method: 'none' as const,
      consistency: 'none' as const,
      criticality: store?.store.criticality ?? 'critical',
      decision: 'cannot' as const,
      reason: `Cannot be taken: ${path} lies in the container's own layer, on no volume; it is lost when ${container.service} is made anew.`,
    }))
  })
}

/** Data in a container's own layer. */
export const containerLayer: Trap = (view, rows) => [
  ...rows
    .filter(row => row.id.startsWith('layer:'))
    .map(row =>
      finding(
        row.criticality === 'replayable' ? 'warning' : 'critical',
        'container-layer',
        row.id,
        `${row.service ?? ''} keeps data inside its container (${row.source}): it is lost when the container is made anew, and it is not backed up.`,
        `Mount a volume there; copy what is in the container into it first (docker cp).`,
      ),
    ),
  ...view.facts.group.containers.flatMap(container => {
    if (view.roleOf(container).database !== null) return []
    const { others } = layerData(view, container.id)
    const [first] = others
    return first === undefined
      ? []
      : [
          finding(
            'warning',
            'container-layer',
            null,
            `${container.service} wrote ${others.length === 1 ? 'a file' : `${others.length} files`} inside its container where data is usually kept (${first}): they are on no volume and are not backed up.`,
            'If they matter, mount a volume there.',
          ),
        ]
  }),
]
