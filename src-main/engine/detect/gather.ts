import { posix } from 'node:path'

import { AppError } from '../../contract/errors.ts'
import type { StackPolicy } from '../../contract/model.ts'
import type { Helper, HelperMount } from '../hosts/helper.ts'
import type { DockerHost } from '../hosts/host.ts'
import { openHelper } from '../hosts/open-helper.ts'
import type { EngineDeps } from '../ports.ts'
import { type ComposeDefinition, mergeDefinitions, readComposeFile } from './compose-file.ts'
import { parseEnvFile } from './dotenv.ts'
import type { StackFacts, StackGroup } from './facts.ts'
import { pathInHelper } from './helper-paths.ts'
import type { StackFile } from './inventory.ts'
import { readLayers } from './layers.ts'
import { type StackMount, stackMounts } from './mounts.ts'
import { matchesItem } from './policy.ts'
import { leftOut } from './rows/left-out.ts'
import { dataPathInside } from './rows/mount-rows.ts'
import { type FileFacts, lookAtFiles, lookIntoMounts, type MountSearch } from './search.ts'
import { isSecretsFolder, wantedFiles } from './stack-files.ts'
import { type StackView, viewOf } from './view.ts'

/** How long all mounts together may be searched; what is not reached by then is told. */
const SEARCH_LIMIT_MS = 180_000
/** An included file may include others. */
const COMPOSE_DEPTH = 4

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

const unknownFile = { sizeBytes: null, mode: null, uid: null, gid: null } as const

/** One read-only helper with everything that the given stacks mount; null and a reason where no image can serve. */
export interface OpenedHelper {
  readonly helper: Helper | null
  readonly problem: string | null
}

/** Opens the helper for the stacks. Needs no answer of their database servers. */
export async function openInside(
  host: DockerHost,
  stacks: readonly StackFacts[],
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<OpenedHelper> {
  try {
    const mounts = stacks.flatMap(each => helperMounts(viewOf(each)))
    return { helper: await open(host, mounts, stacks, deps, signal), problem: null }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'no-helper-image') throw error
    return { helper: null, problem: error.message }
  }
}

/** What was seen of the stacks, by name, and the helper through which it was seen, still open. */
export interface Inside {
  readonly helper: Helper | null
  readonly facts: ReadonlyMap<string, InsideFacts>
}

/**
 * Looks at the files and mounts of the stacks through the opened helper. Takes over the helper: when this
 * fails it is closed, and where files of a stack lie outside of what it mounts, another one comes back.
 */
export async function lookInside(
  host: DockerHost,
  stacks: readonly StackFacts[],
  opened: OpenedHelper,
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<Inside> {
  let { helper } = opened
  if (helper === null) {
    const problem = opened.problem ?? 'there is no helper'
    const facts = stacks.map(({ group }) => [group.name, withoutHelper(group, problem)] as const)
    return { helper, facts: new Map(facts) }
  }
  try {
    const definitions = new Map<string, ComposeDefinition>()
    for (const { group } of stacks) {
      definitions.set(group.name, await readDefinition(helper, group, signal))
    }
    const further = filesOutside(helper, stacks, definitions)
    if (further.length > 0) {
      await helper.close()
      const mounts = stacks.flatMap(each => helperMounts(viewOf(each)))
      helper = await open(host, [...mounts, ...further], stacks, deps, signal)
    }
    const wanted = stacks.map(viewOf).flatMap(searches)
    const seen = await lookIntoMounts(helper, wanted, signal, SEARCH_LIMIT_MS)
    const facts = new Map<string, InsideFacts>()
    for (const stack of stacks) {
      const definition = definitions.get(stack.group.name) ?? null
      const [files, layers] = await Promise.all([
        stackFiles(helper, stack.group, definition, signal),
        readLayers(host, viewOf({ ...stack, mounts: seen })),
      ])
      facts.set(stack.group.name, { definition, files, mounts: seen, layers, helperProblem: null })
    }
    return { helper, facts }
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

/** Files that only the Compose files name and that lie outside of what the helper mounts; each is tried once. */
function filesOutside(
  helper: Helper,
  stacks: readonly StackFacts[],
  definitions: ReadonlyMap<string, ComposeDefinition>,
): readonly HelperMount[] {
  const missing = new Set(helper.missing.map(each => each.mount))
  return stacks.flatMap(({ group }) =>
    wantedFiles(group, definitions.get(group.name) ?? null, stackMounts(group))
      .filter(each => each.path.startsWith('/') && pathInHelper(helper, each.path) === null)
      .map(each => fileMount(each.path))
      .filter(each => !missing.has(each.mount)),
  )
}

function open(
  host: DockerHost,
  mounts: readonly HelperMount[],
  stacks: readonly StackFacts[],
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<Helper> {
  const byId = new Map(mounts.map(each => [each.mount, each]))
  return openHelper(host, [...byId.values()], 'read', {
    cacheFolder: deps.paths.cache,
    prefer: stacks.flatMap(({ group }) => group.containers.map(each => each.imageId)),
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

/** Which mounts are looked into how: what a dump covers, or what is copied with its server stopped, is not searched. */
function searches(view: StackView): readonly MountSearch[] {
  const readable = view.mounts.filter(mount => isReadable(view, mount, view.facts.policy))
  const readOnlyLast = readable.toSorted((a, b) => rank(a) - rank(b))
  return readOnlyLast.map((mount): MountSearch => {
    const server = view.servers.find(
      each => each.data?.mount === mount || each.below.includes(mount),
    )
    if (view.stores.some(each => each.data.includes(mount))) {
      return { mount: mount.id, mode: 'look', leaveOut: [] }
    }
    if (server === undefined) return { mount: mount.id, mode: 'search', leaveOut: [] }
    const inside = dataPathInside(mount, server)
    return server.dumped && inside !== ''
      ? { mount: mount.id, mode: 'search', leaveOut: [inside] }
      : { mount: mount.id, mode: 'look', leaveOut: [] }
  })
}

/** Media libraries are read-only binds as a rule: the largest come last, in case time runs out. */
function rank(mount: StackMount): number {
  return (mount.type === 'volume' ? 0 : 2) + (mount.users.every(user => user.readOnly) ? 1 : 0)
}

async function readDefinition(
  helper: Helper,
  group: StackGroup,
  signal: AbortSignal,
): Promise<ComposeDefinition> {
  const folder = group.workingDirectory ?? posix.dirname(group.configFiles[0] ?? '/x')
  const environment = [...group.environmentFiles, posix.join(folder, '.env')]
  const texts = await read(helper, environment, signal)
  const values = Object.assign(
    {},
    ...environment.map(each => parseEnvFile(texts.get(each) ?? '')),
  ) as Readonly<Record<string, string>>
  const parts: ComposeDefinition[] = []
  const done = new Set<string>()
  let next = [...group.configFiles]
  for (let depth = 0; depth < COMPOSE_DEPTH && next.length > 0; depth++) {
    const sources = await read(helper, next, signal)
    const base = (path: string): string => (depth === 0 ? folder : posix.dirname(path))
    const found = [...sources].map(([path, text]) =>
      readComposeFile({ path, text, baseDirectory: base(path) }, values),
    )
    for (const path of next) done.add(path)
    parts.push(...found)
    next = found
      .flatMap(each => each.composeFiles)
      .filter(each => /\.ya?ml$/.test(each) && !done.has(each))
  }
  return mergeDefinitions(parts)
}

/** Texts of the files that are there, by host path. */
async function read(
  helper: Helper,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const inside = new Map<string, string>()
  for (const path of paths) {
    const place = pathInHelper(helper, path)
    if (place !== null) inside.set(place, path)
  }
  const found = await lookAtFiles(helper.place, [], [...inside.keys()], signal)
  const texts = new Map<string, string>()
  for (const [place, facts] of found) {
    const path = inside.get(place)
    if (path !== undefined && facts.text !== null) texts.set(path, facts.text)
  }
  return texts
}

async function stackFiles(
  helper: Helper,
  group: StackGroup,
  definition: ComposeDefinition | null,
  signal: AbortSignal,
): Promise<readonly StackFile[]> {
  const mounts = stackMounts(group)
  const wanted = wantedFiles(group, definition, mounts)
  const folders = mounts.filter(isSecretsFolder).map(each => each.source)
  const places = new Map<string, string>()
  for (const path of [...wanted.map(each => each.path), ...folders]) {
    const place = pathInHelper(helper, path)
    if (place !== null) places.set(path, place)
  }
  const found = await lookAtFiles(helper.place, [...places.values()], [], signal)
  const direct = wanted.flatMap((each): readonly StackFile[] => {
    const facts = found.get(places.get(each.path) ?? '')
    if (facts?.type === 'file') return [fileOf(each.kind, each.path, facts)]
    return each.optional || facts?.type === 'directory'
      ? []
      : [{ ...unknownFile, kind: each.kind, path: each.path, exists: false }]
  })
  const known = new Set(direct.map(each => each.path))
  const secrets = folders.flatMap(folder => {
    const place = places.get(folder)
    if (place === undefined) return []
    return [...found]
      .filter(([path, facts]) => facts.type === 'file' && path.startsWith(`${place}/`))
      .map(([path, facts]) => fileOf('secrets', folder + path.slice(place.length), facts))
      .filter(each => !known.has(each.path))
  })
  return [...direct, ...secrets]
}

function fileOf(kind: StackFile['kind'], path: string, facts: FileFacts): StackFile {
  const { sizeBytes, mode, uid, gid } = facts
  return { kind, path, exists: true, sizeBytes, mode, uid, gid }
}
