import type { ContainerMount } from '../hosts/host.ts'
import { ANONYMOUS_VOLUME_LABEL } from './compose-labels.ts'
import type { ServiceContainer, StackGroup } from './facts.ts'

/** Who mounts something, and how. */
export interface MountUser {
  readonly container: ServiceContainer
  readonly target: string
  readonly readOnly: boolean
}

/** Something that one or more containers of a stack mount: one row of the ledger. */
export interface StackMount {
  /** Ledger id. */
  readonly id: string
  readonly type: ContainerMount['type']
  /** Volume name or absolute host path. */
  readonly source: string
  readonly driver: string | null
  readonly users: readonly MountUser[]
}

/** Ledger id of a mount. What lies in memory has no name of its own and is named by service and target. */
export function mountIdOf(mount: ContainerMount, service: string): string {
  switch (mount.type) {
    case 'volume':
    case 'cluster':
      return `volume:${mount.source}`
    case 'bind':
      return `bind:${mount.source}`
    case 'tmpfs':
    case 'image':
    case 'npipe':
      return `${mount.type}:${service}${mount.target}`
  }
}

/**
 * Every mount of a stack once, with all its users, ordered by id; and each volume that carries the stack's
 * label though nothing mounts it now.
 */
export function stackMounts(group: StackGroup): readonly StackMount[] {
  const mounts = new Map<string, StackMount & { users: MountUser[] }>()
  for (const container of group.containers) {
    for (const mount of container.mounts) {
      const id = mountIdOf(mount, container.service)
      const known = mounts.get(id) ?? {
        id,
        type: mount.type,
        source: mount.source,
        driver: mount.driver,
        users: [],
      }
      known.users.push({ container, target: mount.target, readOnly: mount.readOnly })
      mounts.set(id, known)
    }
  }
  for (const { name, driver } of group.volumes) {
    const id = `volume:${name}`
    if (!mounts.has(id)) mounts.set(id, { id, type: 'volume', source: name, driver, users: [] })
  }
  return [...mounts.values()].toSorted((a, b) => a.id.localeCompare(b.id))
}

/** True for a path that is the folder or lies below it. Both absolute, or both relative. */
export function isWithin(path: string, folder: string): boolean {
  const base = folder === '/' ? '/' : `${folder.replace(/\/+$/, '')}/`
  return `${path}/`.startsWith(base)
}

/** The path from a folder to something in it, '' for the folder itself. */
export function relativeTo(folder: string, path: string): string {
  return path.slice(folder.replace(/\/+$/, '').length).replace(/^\/+/, '')
}

/** The mount in which a path of a container lies: the one with the longest target. Null: in its own layer. */
export function mountHolding(
  container: ServiceContainer,
  path: string,
  mounts: readonly StackMount[],
): { readonly mount: StackMount; readonly user: MountUser } | null {
  const candidates = mounts.flatMap(mount =>
    mount.users
      .filter(user => user.container.id === container.id && isWithin(path, user.target))
      .map(user => ({ mount, user })),
  )
  return candidates.toSorted((a, b) => b.user.target.length - a.user.target.length)[0] ?? null
}

/** True for a volume that nobody named: it is lost with `docker compose down -v` and hard to find again. */
export function isAnonymous(mount: StackMount, group: StackGroup): boolean {
  if (mount.type !== 'volume') return false
  const labels = group.volumes.find(each => each.name === mount.source)?.labels
  return /^[0-9a-f]{64}$/.test(mount.source) || labels?.[ANONYMOUS_VOLUME_LABEL] !== undefined
}
