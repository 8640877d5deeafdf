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
import { mapLimited } from './map-limited.ts'
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

/** One read-only helper with everything that the given stacks mount, and what it saw. */
export interface Inside {
  readonly helper: Helper | null
  /** By stack name. */
  readonly facts: ReadonlyMap<string, InsideFacts>
}

/**
 * Opens one helper for the stacks and looks at their files and mounts through it. Without an image that
 * can serve as helper there is none, and `helperProblem` says why.
 */
export async function lookInside(
  host: DockerHost,
  stacks: readonly StackFacts[],
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<Inside> {
  const views = stacks.map(viewOf)
  const mounts = views.flatMap(helperMounts)
  let helper: Helper
  try {
    helper = await open(host, mounts, stacks, deps, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'no-helper-image') throw error
    const problem = error.message
    const facts = stacks.map(({ group }) => {
      const { files, ...outside } = outsideFacts(group)
      const gone = files.map(each => ({ ...each, exists: false }))
      return [group.name, { ...outside, files: gone, helperProblem: problem }] as const
    })
    return { helper: null, facts: new Map(facts) }
  }
  try {
    const definitions = new Map<string, ComposeDefinition>()
    for (const { group } of stacks) {
      definitions.set(group.name, await readDefinition(helper, group, signal))
    }
    // Files that only the Compose files name may lie outside of what is mounted.
    const further = stacks.flatMap(({ group }) =>
      wantedFiles(group, definitions.get(group.name) ?? null, stackMounts(group))
        .filter(each => each.path.startsWith('/') && pathInHelper(helper, each.path) === null)
        .map(each => fileMount(each.path)),
    )
    const tried = new Set(mounts.map(each => each.mount))
    if (further.some(each => !tried.has(each.mount))) {
      await helper.close()
      helper = await open(host, [...mounts, ...further], stacks, deps, signal)
    }
    const seen = await lookIntoMounts(helper, views.flatMap(searches), signal, SEARCH_LIMIT_MS)
    const facts = new Map<string, InsideFacts>()
    for (const { group } of stacks) {
      const definition = definitions.get(group.name) ?? null
      facts.set(group.name, {
        definition,
        files: await stackFiles(helper, group, definition, signal),
        mounts: seen,
        layers: await layersOf(host, group),
        helperProblem: null,
      })
    }
    return { helper, facts }
  } catch (error) {
    await helper.close()
    throw error
  }
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

async function layersOf(
  host: DockerHost,
  group: StackGroup,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const pairs = await mapLimited(group.containers, 3, async ({ id }) => {
    // A container that went away in the meantime is told by whoever needs it.
    const changes = await host.changes(id).catch(() => [])
    return [id, changes] as const
  })
  return new Map(pairs)
}
