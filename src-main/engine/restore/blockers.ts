import type { WireBlocker } from '../../contract/model.ts'
import type { ArtifactRecord } from '../store/manifest.ts'
import { isAwake, isWithin, mountsOneOf } from './container-works.ts'
import type { ContainerWork, DatabaseWork, TreeWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'

/** Room that must stay free on the host. */
const SPARE_BYTES = 64 * 1024 * 1024
/** A loaded database is larger than its dump: the dump is compressed, and indexes are not in it. */
const GROWTH = 3

interface Works {
  readonly facts: RestoreFacts
  readonly trees: readonly TreeWork[]
  readonly databases: readonly DatabaseWork[]
  readonly containers: readonly ContainerWork[]
}

/** Every reason why the restore cannot start, each with its way out. Pure. */
export function findBlockers(works: Works): readonly WireBlocker[] {
  return [
    ...snapshotBlockers(works),
    ...hostBlockers(works),
    ...targetBlockers(works),
    ...busyBlockers(works),
    ...spaceBlockers(works),
    ...imageBlockers(works),
    ...databaseBlockers(works),
  ]
}

function recordsOf({ trees, databases }: Works): readonly ArtifactRecord[] {
  return [
    ...trees.flatMap(each => [
      ...(each.archive === null ? [] : [each.archive]),
      ...each.files.map(file => file.record),
    ]),
    ...databases.flatMap(each => each.artifacts.map(artifact => artifact.record)),
  ]
}

function snapshotBlockers(works: Works): readonly WireBlocker[] {
  const { facts } = works
  const records = recordsOf(works)
  const paths = new Set(records.map(each => each.path))
  const blockers = facts.damaged
    .filter(each => paths.has(each.path))
    .map(each => ({
      code: 'stream-corrupt',
      message: `The snapshot is damaged: ${each.path} ${each.problem}.`,
      hint: 'Restore another snapshot, or put this file back from a copy of the repository.',
    }))
  if (records.some(each => each.encryption !== 'none')) {
    blockers.push({
      code: 'wrong-key',
      message: 'The snapshot is encrypted, and no key is known that opens it.',
      hint: 'Give the recovery key, then restore again.',
    })
  }
  const based = records.find(each => each.basedOn.length > 0)
  if (based !== undefined) {
    blockers.push({
      code: 'not-supported',
      message: `${based.path} builds on earlier snapshots, which this version cannot restore.`,
      hint: 'Update Lifeboat.',
    })
  }
  if (works.trees.length === 0 && works.databases.length === 0) {
    blockers.push({
      code: 'restore-failed',
      message: 'There is nothing in this snapshot that could be restored.',
      hint: 'Choose another snapshot.',
    })
  }
  return blockers
}

function hostBlockers({ facts, trees, databases }: Works): readonly WireBlocker[] {
  const { snapshot, host, inventory } = facts
  if (host.kind !== snapshot.host.kind) {
    return [
      {
        code: 'wrong-host',
        message: `The snapshot is of a ${snapshot.host.kind} host, and ${host.label} is a ${host.kind} host.`,
        hint: 'Choose the host that the snapshot was taken from with --host.',
      },
    ]
  }
  const wanted = snapshot.host.daemonId
  const actual = host.daemon?.id ?? null
  const isOther = wanted !== null && wanted !== actual
  const remains =
    (inventory?.containers.length ?? 0) > 0 || [...trees, ...databases].some(each => each.replaces)
  if (isOther && remains) {
    return [
      {
        code: 'wrong-host',
        message: `The snapshot was taken from another Docker engine (${wanted}), and this one (${actual ?? 'without an id'}) has a stack of that name or some of its data.`,
        hint: 'Connect to the host that the snapshot was taken from, or remove what is left there first.',
      },
    ]
  }
  // Under the same name there is another engine now: a variable or a context may have moved it unseen.
  if (isOther && !facts.hostWasNamed) {
    return [
      {
        code: 'wrong-host',
        message: `The snapshot was taken from another Docker engine (${wanted}) than the one that answers as ${host.label} now (${actual ?? 'without an id'}).`,
        hint: `Connect to that host. If the stack shall come back on this one, name it: --host ${host.id}`,
      },
    ]
  }
  if (snapshot.stack.kind === 'swarm' && inventory?.containers.some(each => isAwake(each.state))) {
    return [
      {
        code: 'not-supported',
        message: 'Swarm starts a stopped service again at once, so its data cannot be switched.',
        hint: 'Scale the services of the stack to 0 (docker service scale), then restore.',
      },
    ]
  }
  return []
}

/** Whole folders of the system are never replaced, whatever a manifest says. */
const systemFolders = [
  '/bin',
  '/boot',
  '/dev',
  '/lib',
  '/lib32',
  '/lib64',
  '/proc',
  '/run',
  '/sbin',
  '/sys',
  '/usr/bin',
  '/usr/lib',
  '/usr/sbin',
]
const topFolders = [
  '/',
  '/etc',
  '/home',
  '/media',
  '/mnt',
  '/opt',
  '/root',
  '/srv',
  '/tmp',
  '/usr',
  '/var',
]

function isSystem(tree: TreeWork): boolean {
  if (tree.mount.type !== 'bind') return false
  const { source } = tree.mount
  if (systemFolders.some(each => isWithin(source, each))) return true
  return tree.scope.kind === 'all' && topFolders.includes(source.replace(/(.)\/+$/, '$1'))
}

function isUnsafePath(path: string): boolean {
  return path.split('/').some(each => each === '..' || each.includes('\0'))
}

function targetBlockers({ facts, trees }: Works): readonly WireBlocker[] {
  return trees.flatMap((tree): readonly WireBlocker[] => {
    const { source, mount, type } = tree.mount
    const paths = [source, tree.folder, ...tree.files.map(each => each.path)]
    if (
      isSystem(tree) ||
      paths.some(isUnsafePath) ||
      (type === 'bind' && !source.startsWith('/'))
    ) {
      return [
        {
          code: 'not-supported',
          message: `${tree.item} belongs to the system itself: a restore does not replace it.`,
          hint: 'Leave it out with --only, and copy its files by hand from "lifeboat snapshots extract".',
        },
      ]
    }
    const place = facts.places[mount]
    if (place?.state === 'unknown') {
      return [
        {
          code: 'path-missing',
          message: `It cannot be told what is at ${source} now: ${place.problem ?? 'no reason was given'}.`,
          hint: 'Make it readable for the host’s engine, then restore again.',
        },
      ]
    }
    if (tree.scope.kind === 'all' && place?.state === 'present' && place.type !== 'directory') {
      return [
        {
          code: 'busy-target',
          message: `${source} is a folder in the snapshot, and something else is there now.`,
          hint: 'Move it away, then restore again.',
        },
      ]
    }
    return []
  })
}

/** Data that a container outside of the stack uses must not be switched under it. */
function busyBlockers({ facts, trees }: Works): readonly WireBlocker[] {
  const own = new Set(facts.inventory?.containers.map(each => each.id))
  return facts.containers
    .filter(each => !own.has(each.id) && isAwake(each.state) && mountsOneOf(each, trees))
    .map(each => ({
      code: 'busy-target',
      message: `The container ${each.name}, which is not of this stack, uses data that would be replaced.`,
      hint: `Stop it first: docker stop ${each.name}`,
    }))
}

function spaceBlockers({ facts, trees, databases }: Works): readonly WireBlocker[] {
  const needs = new Map<string, { needed: number; free: number; where: string }>()
  function need(mount: string, bytes: number): void {
    const place = facts.places[mount]
    if (place === undefined || place.freeBytes === null) return
    const key = place.fileSystem ?? mount
    const known = needs.get(key)
    const needed = (known?.needed ?? 0) + bytes
    const free = Math.min(known?.free ?? place.freeBytes, place.freeBytes)
    needs.set(key, { needed, free, where: known?.where ?? mount })
  }
  for (const tree of trees) {
    need(tree.mount.mount, tree.archive?.plain.bytes ?? 0)
    for (const file of tree.files) need(tree.mount.mount, file.record.plain.bytes)
  }
  for (const work of databases) {
    const mount = facts.inventory?.servers.find(each => each.service === work.service)
      ?.dataMounts[0]
    const dump = work.artifacts.reduce((sum, each) => sum + each.record.plain.bytes, 0)
    if (mount !== undefined) need(mount, dump * GROWTH)
  }
  return [...needs.values()]
    .filter(each => each.free < each.needed + SPARE_BYTES)
    .map(each => ({
      code: 'not-enough-space',
      message: `The host has ${each.free} bytes free for ${each.where}; ${each.needed} are needed, because the former state stays beside the restored one until that is healthy.`,
      hint: 'Make room on the host, or restore item by item with --only.',
    }))
}

function imageBlockers({ facts, containers }: Works): readonly WireBlocker[] {
  const missing = containers.flatMap(({ now, recorded }) =>
    now === null &&
    recorded !== null &&
    !facts.images.includes(recorded.image) &&
    !facts.images.includes(recorded.imageId)
      ? [recorded.image]
      : [],
  )
  return [...new Set(missing)].map(image => ({
    code: 'no-helper-image',
    message: `The image ${image}, which a container needs that must be made again, is not on the host.`,
    hint: `Put it there first: docker pull ${image} (or docker compose build), then restore.`,
  }))
}

function databaseBlockers({ facts, databases, containers }: Works): readonly WireBlocker[] {
  return databases.flatMap((work): readonly WireBlocker[] => {
    const server = facts.servers[work.service]
    if (containers.every(each => each.service !== work.service)) {
      return [
        {
          code: 'container-gone',
          message: `There is no container for ${work.service}, and the snapshot does not tell how to make one.`,
          hint: 'Start the service with docker compose up -d, then restore.',
        },
      ]
    }
    if (server?.state === 'broken') {
      return [
        {
          code: 'database-login',
          message: `The database server ${work.service} runs but cannot be asked: ${server.problem ?? 'no reason was given'}.`,
          hint: 'Put its login right. If its files are damaged, stop it, move its volume’s content away, start it, and restore.',
        },
      ]
    }
    return facts.databases[work.item]?.blockers ?? []
  })
}
