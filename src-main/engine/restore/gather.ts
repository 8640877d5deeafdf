import { posix } from 'node:path'

import { AppError } from '../../contract/errors.ts'
import { localTools } from '../capture/local-tools.ts'
import { databaseById } from '../databases/index.ts'
import { detectStack, policyOf } from '../detect/detect.ts'
import type { Inventory } from '../detect/inventory.ts'
import type { HelperMount } from '../hosts/helper.ts'
import type { Host } from '../hosts/host.ts'
import { openHelper } from '../hosts/open-helper.ts'
import type { CommandPlace } from '../lib/command.ts'
import { thisComputer } from '../lib/run-local.ts'
import type { EngineDeps } from '../ports.ts'
import type { Repository } from '../store/repository.ts'
import { isAwake } from './container-works.ts'
import { databaseWorks } from './database-works.ts'
import { driverContext } from './driver-context.ts'
import { findDamage, findSingleFiles } from './examine-snapshot.ts'
import type {
  DatabaseFact,
  FileFact,
  PlaceFact,
  RecordedDefinitions,
  RestoreFacts,
  ServerFact,
} from './facts.ts'
import { absent, hashFiles, lookAtPlace, unreachable } from './look-at-places.ts'
import { readDefinitions } from './recorded-definitions.ts'
import { selectItems } from './selection.ts'
import { treeWorks } from './tree-works.ts'

export interface GatherInput {
  readonly host: Host
  /** The user named this host; otherwise it is the one that the snapshot names. */
  readonly hostWasNamed?: boolean
  readonly deps: EngineDeps
  readonly repository: Repository
  /** Full id. */
  readonly snapshot: string
  readonly only: readonly string[] | null
  readonly signal: AbortSignal
}

/**
 * Collects everything that a restore plan is computed from: the snapshot, the stack as it is now, and what
 * is at each place that would be written to. Changes nothing.
 */
export async function gatherRestoreFacts(input: GatherInput): Promise<RestoreFacts> {
  const { host, deps, repository, only, signal } = input
  const snapshot = await repository.readManifest(input.snapshot)
  const folder = repository.folderOf(input.snapshot)
  selectItems(snapshot, only)
  const [definitions, damaged, singleFiles, inventory, lists, settings] = await Promise.all([
    readDefinitions(folder, snapshot, signal),
    findDamage(folder, snapshot),
    findSingleFiles(folder, snapshot),
    inventoryNow(host, snapshot.stack.name, deps, signal),
    listsOf(host),
    deps.settings.read(),
  ])
  const first: RestoreFacts = {
    snapshot,
    definitions,
    damaged,
    host: inventory?.host ?? host.summary,
    hostWasNamed: input.hostWasNamed ?? false,
    inventory,
    policy: policyOf(settings.policies, host.summary.id, snapshot.stack.name),
    ...lists,
    places: {},
    singleFiles,
    files: {},
    servers: {},
    databases: {},
    only,
    now: deps.clock.now().toISOString(),
  }
  const seen = await lookAround(host, first, deps, signal)
  const servers = serverFacts(first)
  return {
    ...first,
    ...seen,
    servers,
    databases: await databaseFacts(host, first, servers, signal),
  }
}

async function inventoryNow(
  host: Host,
  name: string,
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<Inventory | null> {
  try {
    const { inventory, helper } = await detectStack(host, name, deps, signal)
    await helper?.close()
    return inventory
  } catch (error) {
    if (error instanceof AppError && error.code === 'unknown-stack') return null
    throw error
  }
}

async function listsOf(
  host: Host,
): Promise<Pick<RestoreFacts, 'containers' | 'volumes' | 'networks' | 'images'>> {
  if (host.kind === 'folder') return { containers: [], volumes: [], networks: [], images: [] }
  const [containers, volumes, networks, images] = await Promise.all([
    host.containers(),
    host.volumes(),
    host.networks(),
    host.images(),
  ])
  return {
    containers,
    volumes: volumes.map(each => each.name),
    networks: networks.map(each => each.name),
    images: images.flatMap(each => [each.id, ...each.tags, ...each.digests]),
  }
}

/** Where a restore would write, and what containers that must be made again would mount. */
function wantedMounts(facts: RestoreFacts): readonly HelperMount[] {
  const { items } = selectItems(facts.snapshot, facts.only)
  const trees = treeWorks(items, facts)
  const recorded = missingContainers(facts.definitions, facts.inventory).flatMap(each =>
    each.mounts
      .filter(mount => mount.type === 'volume' || mount.type === 'bind')
      .map(mount => ({
        mount: `${mount.type}:${mount.source}`,
        type: mount.type as HelperMount['type'],
        source: mount.source,
        readOnly: true,
      })),
  )
  const data = facts.inventory?.servers.flatMap(each => each.dataMounts) ?? []
  const all = [
    ...trees.map(each => each.mount),
    ...items
      .filter(each => each.kind === 'volume' || each.kind === 'bind')
      .map(each => mountOf(each.id)),
    ...recorded,
    ...data.map(mountOf),
  ]
  return [...new Map(all.map(each => [each.mount, { ...each, readOnly: true }])).values()]
}

function mountOf(id: string): HelperMount {
  const type = id.startsWith('volume:') ? 'volume' : 'bind'
  return { mount: id, type, source: id.slice(id.indexOf(':') + 1), readOnly: true }
}

function missingContainers(
  definitions: RecordedDefinitions,
  inventory: Inventory | null,
): RecordedDefinitions['containers'] {
  return definitions.containers.filter(
    each => inventory?.containers.every(now => now.name !== each.name) ?? true,
  )
}

async function lookAround(
  host: Host,
  facts: RestoreFacts,
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<Pick<RestoreFacts, 'places' | 'files'>> {
  const mounts = wantedMounts(facts)
  if (host.kind === 'folder') {
    const tools = await localTools()
    if (!tools.shell) return { places: {}, files: {} }
    return await lookThrough(facts, mounts, thisComputer, mount => mount.source, signal)
  }
  // The engine would make a volume that it is asked to mount and does not have.
  const there = mounts.filter(each => each.type === 'bind' || facts.volumes.includes(each.source))
  const helper = await openHelper(host, there, 'read', {
    cacheFolder: deps.paths.cache,
    prefer: facts.inventory?.containers.map(each => each.imageId) ?? [],
    signal,
  })
  try {
    const reasons = new Map(helper.missing.map(each => [each.mount, each.reason]))
    const seen = await lookThrough(
      facts,
      mounts,
      helper.place,
      mount => helper.pathOf(mount.mount),
      signal,
    )
    const lost = mounts
      .filter(each => helper.pathOf(each.mount) === null)
      .map(each => [each.mount, unreachable(reasons.get(each.mount) ?? 'no volume')] as const)
    return { ...seen, places: { ...seen.places, ...Object.fromEntries(lost) } }
  } finally {
    await helper.close()
  }
}

async function lookThrough(
  facts: RestoreFacts,
  mounts: readonly HelperMount[],
  place: CommandPlace,
  pathOf: (mount: HelperMount) => string | null,
  signal: AbortSignal,
): Promise<Pick<RestoreFacts, 'places' | 'files'>> {
  const places: Record<string, PlaceFact> = {}
  for (const mount of mounts) {
    const path = pathOf(mount)
    places[mount.mount] = path === null ? absent : await lookAtPlace(place, path, signal)
  }
  const files: Record<string, FileFact> = {}
  const { items } = selectItems(facts.snapshot, facts.only)
  for (const tree of treeWorks(items, facts)) {
    const path = pathOf(tree.mount)
    const own = tree.files.flatMap(each =>
      each.record.file === null ? [] : [{ hostPath: each.record.file.hostPath, path: each.path }],
    )
    if (own.length === 0) continue
    const found =
      path === null
        ? own.map(() => ({ exists: false, sha256: null }))
        : await hashFiles(
            place,
            own.map(each => posix.join(path, tree.folder, each.path)),
            signal,
          )
    for (const [index, each] of own.entries()) {
      files[each.hostPath] = found[index] ?? { exists: false, sha256: null }
    }
  }
  return { places, files }
}

function serverFacts(facts: RestoreFacts): Readonly<Record<string, ServerFact>> {
  const { items } = selectItems(facts.snapshot, facts.only)
  const services = new Set(databaseWorks(items, facts).map(each => each.service))
  return Object.fromEntries(
    [...services].map(service => {
      const server = facts.inventory?.servers.find(each => each.service === service)
      const container = facts.inventory?.containers.find(each => each.service === service)
      const found = server?.facts ?? null
      const isRunning = container !== undefined && isAwake(container.state)
      const state =
        container === undefined
          ? 'absent'
          : !isRunning
            ? 'stopped'
            : found === null
              ? 'broken'
              : 'ready'
      return [
        service,
        {
          state,
          problem: server?.problem ?? null,
          version: found?.version ?? null,
          databases: found?.databases ?? [],
        } satisfies ServerFact,
      ]
    }),
  )
}

async function databaseFacts(
  host: Host,
  facts: RestoreFacts,
  servers: Readonly<Record<string, ServerFact>>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, DatabaseFact>>> {
  const { items } = selectItems(facts.snapshot, facts.only)
  const found: Record<string, DatabaseFact> = {}
  if (host.kind === 'folder') return found
  for (const work of databaseWorks(items, { ...facts, servers })) {
    if (servers[work.service]?.state !== 'ready') continue
    const engine = databaseById(work.engine)
    const container = facts.inventory?.servers.find(
      each => each.service === work.service,
    )?.containerId
    if (engine === null || container === undefined) continue
    const context = await driverContext(host, container, facts.policy.engines[work.engine], signal)
    found[work.item] = {
      blockers: await engine.blockers(context, { database: work.database, facts: work.facts }),
      counts: work.replaces
        ? await engine.count(context, work.database).catch((error: unknown) => {
            signal.throwIfAborted()
            if (error instanceof AppError) return null
            throw error
          })
        : null,
    }
  }
  return found
}
