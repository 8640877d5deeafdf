import type { DetectedEngine } from '../databases/database.ts'
import type { MountFacts, ServerProbe, ServiceContainer, StackFacts } from './facts.ts'
import { isRunning } from './grouping.ts'
import { isWithin, mountHolding, type MountUser, type StackMount, stackMounts } from './mounts.ts'
import type { ContainerRole } from './roles.ts'
import type { Store } from './stores.ts'

/** A database server with what was learned of it and where its data lies. */
export interface ServerView {
  readonly container: ServiceContainer
  readonly detected: DetectedEngine
  readonly probe: ServerProbe
  /** True when its databases can be dumped now. */
  readonly dumped: boolean
  /** Folder inside the container: as the server says, else as the image has it. */
  readonly dataDirectory: string
  /** The mount in which the data folder lies; null when it lies in the container's own layer. */
  readonly data: { readonly mount: StackMount; readonly user: MountUser } | null
  /** Mounts below the data folder, for instance a disk of its own for the log. */
  readonly below: readonly StackMount[]
}

/** A program whose data is copied while it is stopped. */
export interface StoreView {
  readonly container: ServiceContainer
  readonly store: Store
  /** Mounts that hold its data. */
  readonly data: readonly StackMount[]
}

/** The facts of a stack, put in relation: what the rows of the ledger and the traps are made from. */
export interface StackView {
  readonly facts: StackFacts
  readonly mounts: readonly StackMount[]
  readonly servers: readonly ServerView[]
  readonly stores: readonly StoreView[]
  roleOf(container: ServiceContainer): ContainerRole
  factsOf(mount: StackMount): MountFacts | null
}

const nobody: ContainerRole = { database: null, store: null, tool: null }

/** Puts the facts of a stack in relation. Pure. */
export function viewOf(facts: StackFacts): StackView {
  const mounts = stackMounts(facts.group)
  const roleOf = (container: ServiceContainer): ContainerRole =>
    facts.roles.get(container.id) ?? nobody
  return {
    facts,
    mounts,
    roleOf,
    factsOf: mount => facts.mounts.get(mount.id) ?? null,
    servers: serversOf(facts, mounts, roleOf),
    stores: facts.group.containers.flatMap(container => {
      const { store } = roleOf(container)
      return store === null
        ? []
        : [{ container, store, data: storeMounts(container, store, mounts) }]
    }),
  }
}

function serversOf(
  facts: StackFacts,
  mounts: readonly StackMount[],
  roleOf: (container: ServiceContainer) => ContainerRole,
): readonly ServerView[] {
  const seen = new Set<string>()
  // Replicas of one service are one server in the ledger, since ids name services: one that runs, if any does.
  const { containers } = facts.group
  const ordered = [...containers.filter(isRunning), ...containers.filter(each => !isRunning(each))]
  return ordered.flatMap(container => {
    const { database } = roleOf(container)
    if (database === null || seen.has(container.service)) return []
    seen.add(container.service)
    const probe = facts.servers.find(each => each.containerId === container.id) ?? {
      containerId: container.id,
      facts: null,
      problem: isRunning(container)
        ? 'it was not asked'
        : `its container is ${container.state === 'exited' ? 'stopped' : container.state}`,
    }
    const dataDirectory = probe.facts?.dataDirectory ?? database.dataDirectory
    const data = mountHolding(container, dataDirectory, mounts)
    const below = mounts.filter(mount =>
      mount.users.some(
        user =>
          user.container.id === container.id &&
          user.target !== dataDirectory &&
          isWithin(user.target, dataDirectory) &&
          mount.type !== 'tmpfs',
      ),
    )
    const dumped = probe.facts !== null
    return [{ container, detected: database, probe, dumped, dataDirectory, data, below }]
  })
}

function storeMounts(
  container: ServiceContainer,
  store: Store,
  mounts: readonly StackMount[],
): readonly StackMount[] {
  const exact = store.directoryOf?.(container)
  const found = (exact === undefined ? store.dataDirectories : [exact]).flatMap(directory => {
    const holding = mountHolding(container, directory, mounts)
    return holding === null || holding.mount.type === 'tmpfs' ? [] : [holding.mount]
  })
  if (found.length > 0 || exact !== undefined) return [...new Set(found)]
  // Its data folder was set to another place: then all that it can write to counts as data.
  return mounts.filter(
    mount =>
      (mount.type === 'volume' || mount.type === 'bind') &&
      mount.users.some(
        user =>
          user.container.id === container.id && !user.readOnly && !isSettingsTarget(user.target),
      ),
  )
}

/** True for a place at which programs read settings and scripts but keep no data. */
export function isSettingsTarget(target: string): boolean {
  return /^\/(?:etc|docker-entrypoint[^/]*|run\/secrets|usr\/local\/etc)(?:\/|$)/.test(target)
}

/** The container's env value that says something, first name that is set; null when none is. */
export function envValue(container: ServiceContainer, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = container.env[name]
    if (value !== undefined && value !== '') return value
  }
  return null
}
