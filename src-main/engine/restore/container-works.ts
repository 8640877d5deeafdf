import { composeLabels } from '../detect/compose-labels.ts'
import type { ContainerDefinition } from '../hosts/host.ts'
import type { ContainerWork, DatabaseWork, TreeWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'
import { startWaves, withDependents } from './order.ts'

type Named = ContainerDefinition & { readonly service: string }

interface Pair {
  readonly service: string
  readonly now: Named | null
  readonly recorded: Named | null
}

/** What happens to each container of the stack, dependencies first. Pure. */
export function containerWorks(
  trees: readonly TreeWork[],
  databases: readonly DatabaseWork[],
  facts: RestoreFacts,
): readonly ContainerWork[] {
  const { snapshot, only } = facts
  const services = mergeServices(facts)
  const serving = new Set(databases.map(each => each.service))
  const pairs = pairUp(facts)
  const touching = new Set(
    pairs.filter(each => mountsOneOf(each.now ?? each.recorded, trees)).map(each => each.service),
  )
  const writers = snapshot.items
    .filter(each => only?.includes(each.id) ?? true)
    .flatMap(each => each.writers)
  const affected =
    only === null
      ? null
      : new Set([...touching, ...writers, ...withDependents([...serving], services)])
  const order = startWaves(services).flat()
  return pairs
    .filter(each => each.now !== null || only === null || serving.has(each.service))
    .toSorted((a, b) => order.indexOf(a.service) - order.indexOf(b.service))
    .map(({ service, now, recorded }) => {
      const servesDatabase = serving.has(service)
      return {
        service,
        name: (now ?? recorded)?.name ?? service,
        dependsOn: services.find(each => each.name === service)?.dependsOn ?? [],
        now,
        recorded,
        servesDatabase,
        stops: !servesDatabase && (affected === null || affected.has(service)),
        runsAfter: runsAfter(service, now, recorded, facts),
      }
    })
}

function runsAfter(
  service: string,
  now: Named | null,
  recorded: Named | null,
  { only, snapshot }: RestoreFacts,
): boolean {
  const runsNow = now !== null && isAwake(now.state)
  if (only !== null) return now === null || runsNow
  if (recorded !== null) return isAwake(recorded.state)
  const known = snapshot.stack.services.find(each => each.name === service)
  return known === undefined ? runsNow : isAwake(known.state)
}

/** Running or about to be: a paused container runs again after a restore, as its memory is gone. */
export function isAwake(state: string): boolean {
  return state === 'running' || state === 'restarting' || state === 'paused'
}

/** Containers now and in the snapshot, matched by name, then by service and number. */
function pairUp(facts: RestoreFacts): readonly Pair[] {
  const now = [...(facts.inventory?.containers ?? [])]
  const pairs: Pair[] = facts.definitions.containers.map(recorded => {
    const at = now.findIndex(
      each =>
        each.name === recorded.name ||
        (each.service === recorded.service && numberOf(each) === numberOf(recorded)),
    )
    const found = at === -1 ? null : (now.splice(at, 1)[0] ?? null)
    return { service: recorded.service, now: found, recorded }
  })
  return [...pairs, ...now.map(each => ({ service: each.service, now: each, recorded: null }))]
}

function numberOf(container: Named): string {
  return container.labels[composeLabels.containerNumber] ?? container.name
}

function mergeServices(
  facts: RestoreFacts,
): readonly { readonly name: string; readonly dependsOn: readonly string[] }[] {
  const recorded = facts.snapshot.stack.services
  const current = facts.inventory?.stack.services ?? []
  const names = new Set([...recorded, ...current].map(each => each.name))
  return [...names].map(name => ({
    name,
    dependsOn: [
      ...new Set(
        [recorded, current].flatMap(list => list.find(each => each.name === name)?.dependsOn ?? []),
      ),
    ],
  }))
}

/** True when the container sees what the tree replaces, through whichever mount. */
export function mountsOneOf(
  container: ContainerDefinition | null,
  trees: readonly TreeWork[],
): boolean {
  return (container?.mounts ?? []).some(mount => trees.some(tree => sees(mount, tree)))
}

function sees(mount: ContainerDefinition['mounts'][number], tree: TreeWork): boolean {
  const { type, source } = tree.mount
  if (mount.type !== type) return false
  if (type === 'volume') return mount.source === source
  const roots =
    tree.scope.kind === 'only'
      ? tree.scope.names.map(name => join(source, tree.folder, name))
      : [join(source, tree.folder)]
  return roots.some(root => isWithin(mount.source, root) || isWithin(root, mount.source))
}

function join(...parts: readonly string[]): string {
  return parts
    .filter(each => each !== '')
    .join('/')
    .replace(/\/{2,}/g, '/')
}

/** True when `path` is the folder or lies in it. */
export function isWithin(path: string, folder: string): boolean {
  const base = folder.replace(/\/+$/, '')
  return path === base || path.startsWith(`${base}/`)
}
