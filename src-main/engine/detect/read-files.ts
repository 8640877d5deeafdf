import { posix } from 'node:path'

import type { Helper } from '../hosts/helper.ts'
import type { ComposeDefinition } from './compose-file.ts'
import type { StackGroup } from './facts.ts'
import { pathInHelper } from './helper-paths.ts'
import type { StackFile } from './inventory.ts'
import { stackMounts } from './mounts.ts'
import { type FileFacts, lookAtFiles } from './search.ts'
import { isSecretsFolder, type WantedFile, wantedFiles } from './stack-files.ts'

/** What a file says that was not looked at. */
export const unknownFile = { sizeBytes: null, mode: null, uid: null, gid: null } as const

/** The files that define the stacks, by stack name, and paths that the helper would need to mount for them. */
export interface FilesRead {
  readonly files: ReadonlyMap<string, readonly StackFile[]>
  /** Absolute host paths of files, and of what links lead to, that lie outside of all that is mounted. */
  readonly outside: readonly string[]
}

/**
 * Looks at the files that define the stacks, with one command for all of them. Of a bound folder of secrets
 * each file is listed.
 */
export async function readStackFiles(
  helper: Helper,
  groups: readonly StackGroup[],
  definitions: ReadonlyMap<string, ComposeDefinition>,
  signal: AbortSignal,
): Promise<FilesRead> {
  const asked = groups.map(group => {
    const mounts = stackMounts(group)
    return {
      group,
      wanted: wantedFiles(group, definitions.get(group.name) ?? null, mounts),
      folders: mounts.filter(isSecretsFolder).map(each => each.source),
    }
  })
  const places = new Map<string, string>()
  const outside = new Set<string>()
  const locate = (path: string): void => {
    const place = pathInHelper(helper, path)
    if (place !== null) places.set(path, place)
    else if (path.startsWith('/')) outside.add(path)
  }
  for (const { wanted, folders } of asked) {
    for (const path of [...wanted.map(each => each.path), ...folders]) locate(path)
  }
  const found = await lookAtFiles(helper.place, [...new Set(places.values())], [], signal)
  const files = asked.map(({ group, wanted, folders }) => {
    const direct = wanted.flatMap((each): readonly StackFile[] => {
      const facts = found.get(places.get(each.path) ?? '')
      const target = facts === undefined ? null : danglingTarget(each.path, facts)
      if (target === null) return listed(each, facts)
      // A link whose target the helper does not show: it is there when its target is.
      if (pathInHelper(helper, target) === null) outside.add(target)
      const exists = pathInHelper(helper, target) !== null
      return [{ ...unknownFile, kind: each.kind, path: each.path, exists }]
    })
    const known = new Set(direct.map(each => each.path))
    const secrets = folders
      .flatMap(folder => filesBelow(folder, places.get(folder), found))
      .filter(each => !known.has(each.path))
      .toSorted((a, b) => a.path.localeCompare(b.path))
    return [group.name, [...direct, ...secrets]] as const
  })
  return { files: new Map(files), outside: [...outside] }
}

/** Host path to which a link leads that ends nowhere inside the helper; null for everything else. */
function danglingTarget(path: string, facts: FileFacts): string | null {
  return facts.link === null || facts.type !== 'missing'
    ? null
    : posix.resolve(posix.dirname(path), facts.link)
}

function listed(wanted: WantedFile, facts: FileFacts | undefined): readonly StackFile[] {
  const { kind, path, optional } = wanted
  if (facts?.type === 'file') return [fileOf(kind, path, facts)]
  return optional || facts?.type === 'directory'
    ? []
    : [{ ...unknownFile, kind, path, exists: false }]
}

function filesBelow(
  folder: string,
  place: string | undefined,
  found: ReadonlyMap<string, FileFacts>,
): readonly StackFile[] {
  if (place === undefined) return []
  return [...found]
    .filter(([path, facts]) => facts.type === 'file' && path.startsWith(`${place}/`))
    .map(([path, facts]) => fileOf('secrets', folder + path.slice(place.length), facts))
}

function fileOf(kind: StackFile['kind'], path: string, facts: FileFacts): StackFile {
  const { sizeBytes, mode, uid, gid } = facts
  return { kind, path, exists: true, sizeBytes, mode, uid, gid }
}
