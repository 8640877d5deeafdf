import type { DockerHost } from '../hosts/host.ts'
import type { ServiceContainer } from './facts.ts'
import { mapLimited } from './map-limited.ts'
import { isSettingsTarget, type StackView } from './view.ts'

/** Some storage drivers compare whole images to answer: what takes longer than this is given up. */
const LIMIT_MS = 20_000

/**
 * Paths written in the own layer of those containers that give cause to look: they keep no data on any
 * mount, or a mount that they can write to is empty. The engine may have to read a whole image for an answer,
 * so containers whose data is where it belongs are not asked about.
 */
export async function readLayers(
  host: DockerHost,
  views: readonly StackView[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const suspects = views.flatMap(view =>
    view.facts.group.containers.filter(each => isSuspect(view, each)),
  )
  const pairs = await mapLimited(suspects, 2, async ({ id }) => {
    const changes = await within(host.changes(id), LIMIT_MS)
    return [id, changes] as const
  })
  return new Map(pairs)
}

function isSuspect(view: StackView, container: ServiceContainer): boolean {
  const role = view.roleOf(container)
  if (role.database !== null || role.tool !== null || container.readOnlyRoot) return false
  if (container.startedAt === null) return false
  const writable = view.mounts.filter(mount =>
    mount.users.some(
      user =>
        user.container.id === container.id && !user.readOnly && !isSettingsTarget(user.target),
    ),
  )
  const data = writable.filter(
    mount => (mount.type === 'volume' || mount.type === 'bind') && !/\.sock$/.test(mount.source),
  )
  return data.length === 0 || data.some(mount => view.factsOf(mount)?.empty === true)
}

/** The answer, or nothing when it fails or takes too long: the remark that it would give is then not made. */
async function within(
  answer: Promise<readonly string[]>,
  limitMs: number,
): Promise<readonly string[]> {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>()
  const timer = setTimeout(() => resolve([]), limitMs)
  try {
    return await Promise.race([answer.catch(() => []), promise])
  } finally {
    clearTimeout(timer)
  }
}
