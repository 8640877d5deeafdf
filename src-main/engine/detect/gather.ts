import { posix } from 'node:path'

import { AppError } from '../../contract/errors.ts'
import type { StackPolicy } from '../../contract/model.ts'
import type { Helper, HelperMount } from '../hosts/helper.ts'
import type { DockerHost } from '../hosts/host.ts'
import { openHelper } from '../hosts/open-helper.ts'
import type { EngineDeps } from '../ports.ts'
import type { ComposeDefinition } from './compose-file.ts'
import { readDefinitions } from './definitions.ts'
import type { MountFacts, StackFacts, StackGroup } from './facts.ts'
import type { StackFile } from './inventory.ts'
import { readLayers } from './layers.ts'
import { type StackMount, stackMounts } from './mounts.ts'
import { matchesItem } from './policy.ts'
import { readStackFiles, unknownFile } from './read-files.ts'
import { leftOut } from './rows/left-out.ts'
import { dataPathInside } from './rows/mount-rows.ts'
import { lookIntoMounts, type MountSearch } from './search.ts'
import { wantedFiles } from './stack-files.ts'
import { type StackView, viewOf } from './view.ts'

/** How long all mounts together may be searched, milliseconds; what is not reached by then is told. */
export const searchLimits = {
  /** For one stack that is about to be backed up. */
  stack: 180_000,
  /** For a list of all stacks of a host, which nobody waits minutes for. */
  host: 40_000,
} as const

/** What a look from inside adds to the facts of a stack. */
export type InsideFacts = Pick<
  StackFacts,
  'definition' | 'files' | 'mounts' | 'layers' | 'helperProblem'
>

/** The facts of a stack as the engine's lists alone give them. */
export function outsideFacts(group: StackGroup): InsideFacts {
  return {
    definition: null,
    files: wantedFiles(group, null, stackMounts(group))
      .filter(each => !each.optional)
      .map(each => ({ ...unknownFile, kind: each.kind, path: each.path, exists: true })),
    mounts: new Map(),
    layers: new Map(),
    helperProblem: null,
  }
}

/** What was seen of the stacks so far, and the helper through which it was seen, still open. */
export interface Inside {
  /** Null where no image can serve. */
  readonly helper: Helper | null
  /** Why there is no helper. */
  readonly problem: string | null
  readonly definitions: ReadonlyMap<string, ComposeDefinition>
  readonly files: ReadonlyMap<string, readonly StackFile[]>
  readonly mounts: ReadonlyMap<string, MountFacts>
}

/**
 * Opens one helper for the stacks and looks at their files and ordinary mounts through it: all that needs
 * no answer of a database server. Leaves no helper behind when it fails.
 */
export async function lookInside(
  host: DockerHost,
  stacks: readonly StackFacts[],
  deps: EngineDeps,
  signal: AbortSignal,
  limitMs: number,
): Promise<Inside> {
  const views = stacks.map(viewOf)
  const groups = stacks.map(each => each.group)
  const wanted = views.flatMap(helperMounts)
  let helper: Helper
  try {
    helper = await open(host, wanted, groups, deps, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'no-helper-image') throw error
    const nothing = new Map<string, never>()
    return {
      helper: null,
      problem: error.message,
      definitions: nothing,
      files: nothing,
      mounts: nothing,
    }
  }
  try {
    const definitions = await readDefinitions(helper, groups, signal)
    let read = await readStackFiles(helper, groups, definitions, signal)
    const tried = new Set(helper.missing.map(each => each.mount))
    const further = read.outside.map(fileMount).filter(each => !tried.has(each.mount))
    if (further.length > 0) {
      await helper.close()
      helper = await open(host, [...wanted, ...further], groups, deps, signal)
      read = await readStackFiles(helper, groups, definitions, signal)
    }
    const searches = searchesOf(views).filter(each => !each.ofServer)
    const mounts = await lookIntoMounts(helper, searches, signal, limitMs)
    return { helper, problem: null, definitions, files: read.files, mounts }
  } catch (error) {
    await helper.close()
    throw error
  }
}

/**
 * Looks at what is left once the database servers have answered: the mounts that hold their data, and the
 * own layers of containers that give cause to. Returns the complete facts; closes the helper when it fails.
 */
export async function finishLooking(
  host: DockerHost,
  stacks: readonly StackFacts[],
  inside: Inside,
  signal: AbortSignal,
  limitMs: number,
): Promise<readonly StackFacts[]> {
  const { helper, definitions, files } = inside
  if (helper === null) {
    const problem = inside.problem ?? 'there is no helper'
    return stacks.map(each => ({ ...each, ...withoutHelper(each.group, problem) }))
  }
  try {
    const searches = searchesOf(stacks.map(viewOf)).filter(each => each.ofServer)
    const ofServers = await lookIntoMounts(helper, searches, signal, limitMs)
    const seen = stacks.map(each => ({
      ...each,
      definition: definitions.get(each.group.name) ?? null,
      files: files.get(each.group.name) ?? [],
      mounts: new Map([...inside.mounts, ...ofServers]),
    }))
    const layers = await readLayers(host, seen.map(viewOf))
    return seen.map(each => ({ ...each, layers }))
  } catch (error) {
    await helper.close()
    throw error
  }
}

function withoutHelper(group: StackGroup, problem: string): InsideFacts {
  const { files, ...outside } = outsideFacts(group)
  const gone = files.map(each => ({ ...each, exists: false }))
  return { ...outside, files: gone, helperProblem: problem }
}

function open(
  host: DockerHost,
  mounts: readonly HelperMount[],
  groups: readonly StackGroup[],
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<Helper> {
  const byId = new Map(mounts.map(each => [each.mount, each]))
  return openHelper(host, [...byId.values()], 'read', {
    cacheFolder: deps.paths.cache,
    prefer: groups.flatMap(group => group.containers.map(each => each.imageId)),
    signal,
  })
}

function fileMount(path: string): HelperMount {
  return { mount: `bind:${path}`, type: 'bind', source: path, readOnly: true }
}

/** What the helper mounts for a stack: all that may be taken, the working directory, and files outside of it. */
function helperMounts(view: StackView): readonly HelperMount[] {
  const { group, policy } = view.facts
  const data = view.mounts
    .filter(mount => isReadable(view, mount, policy))
    .map(({ id, type, source }) => ({
      mount: id,
      type: type === 'bind' ? ('bind' as const) : ('volume' as const),
      source,
      readOnly: true,
    }))
  const folder = group.workingDirectory
  const files = [...group.configFiles, ...group.environmentFiles].filter(
    path =>
      path.startsWith('/') && (folder === null || posix.relative(folder, path).startsWith('..')),
  )
  return [
    ...data,
    ...(folder?.startsWith('/') === true && folder !== '/' ? [fileMount(folder)] : []),
    ...files.map(fileMount),
  ]
}

function isReadable(view: StackView, mount: StackMount, policy: StackPolicy): boolean {
  if ((mount.type !== 'volume' && mount.type !== 'bind') || mount.source === '/') return false
  return leftOut(view, mount) === null || policy.include.some(each => matchesItem(each, mount.id))
}

/** A search, and whether it has to wait for what a database server says of its data folder. */
type PlannedSearch = MountSearch & { readonly ofServer: boolean }

/** Each mount once; what is ordinary data for one stack is searched though it may be a server's data for another. */
function searchesOf(views: readonly StackView[]): readonly PlannedSearch[] {
  const byMount = new Map<string, { readonly search: PlannedSearch; readonly rank: number }>()
  for (const view of views) {
    for (const mount of view.mounts.filter(each => isReadable(view, each, view.facts.policy))) {
      const known = byMount.get(mount.id)?.search.mode
      const search = searchOf(view, mount)
      if (known === undefined || (known === 'look' && search.mode === 'search')) {
        byMount.set(mount.id, { search, rank: rank(mount) })
      }
    }
  }
  return [...byMount.values()].toSorted((a, b) => a.rank - b.rank).map(each => each.search)
}

/** How a mount is looked into: what a dump covers, or what is copied with its server stopped, is not searched. */
function searchOf(view: StackView, mount: StackMount): PlannedSearch {
  const look = { mount: mount.id, mode: 'look', leaveOut: [], ofServer: false } as const
  if (view.stores.some(each => each.data.includes(mount))) return look
  if (!mount.users.some(user => view.roleOf(user.container).database !== null)) {
    return { ...look, mode: 'search' }
  }
  const server = view.servers.find(each => each.data?.mount === mount || each.below.includes(mount))
  if (server === undefined) return { ...look, mode: 'search', ofServer: true }
  const inside = dataPathInside(mount, server)
  return server.dumped && inside !== ''
    ? { mount: mount.id, mode: 'search', leaveOut: [inside], ofServer: true }
    : { ...look, ofServer: true }
}

/** Media libraries are read-only binds as a rule: the largest come last, in case time runs out. */
function rank(mount: StackMount): number {
  return (mount.type === 'volume' ? 0 : 2) + (mount.users.every(user => user.readOnly) ? 1 : 0)
}
