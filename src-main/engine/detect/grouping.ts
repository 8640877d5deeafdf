import { HELPER_LABEL } from '../hosts/docker/helper-containers.ts'
import type {
  ContainerDefinition,
  ImageDefinition,
  NetworkDefinition,
  VolumeDefinition,
} from '../hosts/host.ts'
import { composeLabels, pathList, swarmLabels } from './compose-labels.ts'
import type { Outsider, ServiceContainer, StackGroup } from './facts.ts'
import { mountIdOf } from './mounts.ts'

/** The lists of an engine, taken at about the same time. */
export interface EngineLists {
  readonly containers: readonly ContainerDefinition[]
  readonly volumes: readonly VolumeDefinition[]
  readonly networks: readonly NetworkDefinition[]
  readonly images: readonly ImageDefinition[]
}

type Membership = Pick<StackGroup, 'name' | 'kind'> & { readonly service: string }

/**
 * An image that Compose built carries its project's label, and a container that was started from it by hand
 * inherits it: such a container is no part of the project.
 */
function inheritsProject(
  container: ContainerDefinition,
  images: readonly ImageDefinition[],
): boolean {
  const own = [composeLabels.containerNumber, composeLabels.configHash, composeLabels.oneOff]
  if (own.some(label => container.labels[label] !== undefined)) return false
  const raw = images.find(each => each.id === container.imageId)?.raw as
    | { readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null } | null }
    | undefined
  const project = raw?.Config?.Labels?.[composeLabels.project]
  return project !== undefined && project === container.labels[composeLabels.project]
}

function membership(
  container: ContainerDefinition,
  images: readonly ImageDefinition[],
): Membership {
  const { labels, name } = container
  const project = labels[composeLabels.project] ?? ''
  if (project !== '' && !inheritsProject(container, images)) {
    return { name: project, kind: 'compose', service: labels[composeLabels.service] ?? name }
  }
  const namespace = labels[swarmLabels.namespace]
  if (namespace !== undefined) {
    const full = labels[swarmLabels.serviceName] ?? name
    const short = full.startsWith(`${namespace}_`) ? full.slice(namespace.length + 1) : full
    return { name: namespace, kind: 'swarm', service: short }
  }
  return { name, kind: 'standalone', service: name }
}

/**
 * Sorts what an engine has into stacks (rule D6): by Compose project, by Swarm namespace, and each other
 * container as a stack of its own that is named as the container. Containers of `docker compose run` are
 * no part of a stack, nor are Lifeboat's own helpers. A project of which only volumes are left (after `docker compose down`) is still one.
 */
export function groupStacks(lists: EngineLists): readonly StackGroup[] {
  const members = new Map<string, { kind: StackGroup['kind']; containers: ServiceContainer[] }>()
  const add = (name: string, kind: StackGroup['kind'], container?: ServiceContainer): void => {
    const group = members.get(name) ?? { kind, containers: [] }
    if (container !== undefined) group.containers.push(container)
    members.set(name, group)
  }
  const standalone: ContainerDefinition[] = []
  for (const container of lists.containers) {
    if (container.labels[HELPER_LABEL] !== undefined) continue
    if (container.labels[composeLabels.oneOff]?.toLowerCase() === 'true') continue
    const { name, kind, service } = membership(container, lists.images)
    if (kind === 'standalone') standalone.push(container)
    else add(name, kind, { ...container, service })
  }
  for (const { labels } of lists.volumes) {
    const project = labels[composeLabels.project]
    const namespace = labels[swarmLabels.namespace]
    if (project !== undefined && project !== '') add(project, 'compose')
    else if (namespace !== undefined) add(namespace, 'swarm')
  }
  for (const container of standalone) {
    // A container may be named as a project is; each stack needs a name of its own.
    let name = container.name
    while (members.has(name)) name = `${name}.container`
    add(name, 'standalone', { ...container, service: container.name })
  }
  return [...members]
    .map(([name, { kind, containers }]) => makeGroup(name, kind, containers, lists))
    .toSorted((a, b) => a.name.localeCompare(b.name))
}

function makeGroup(
  name: string,
  kind: StackGroup['kind'],
  members: readonly ServiceContainer[],
  lists: EngineLists,
): StackGroup {
  const containers = members.toSorted(
    (a, b) => a.service.localeCompare(b.service) || a.name.localeCompare(b.name),
  )
  const mounted = new Set(
    containers.flatMap(each => each.mounts.filter(m => m.type === 'volume').map(m => m.source)),
  )
  const label = kind === 'swarm' ? swarmLabels.namespace : composeLabels.project
  const ours = (labels: Readonly<Record<string, string>>): boolean =>
    kind !== 'standalone' && labels[label] === name
  const networks = new Set(containers.flatMap(each => each.networks))
  const imageIds = new Set(containers.map(each => each.imageId))
  const workingDirectory = firstLabel(containers, composeLabels.workingDirectory)
  const files = (key: string): readonly string[] => [
    ...new Set(
      containers
        .flatMap(each => pathList(each.labels[key]))
        .map(file => absolute(file, workingDirectory)),
    ),
  ]
  return {
    name,
    kind,
    containers,
    volumes: lists.volumes
      .filter(each => mounted.has(each.name) || ours(each.labels))
      .toSorted((a, b) => a.name.localeCompare(b.name)),
    networks: lists.networks.filter(each => networks.has(each.name) || ours(each.labels)),
    images: lists.images.filter(each => imageIds.has(each.id)),
    workingDirectory,
    configFiles: files(composeLabels.configFiles),
    environmentFiles: files(composeLabels.environmentFile),
  }
}

function firstLabel(containers: readonly ContainerDefinition[], key: string): string | null {
  for (const { labels } of containers) {
    const value = labels[key]
    if (value !== undefined && value !== '') return value
  }
  return null
}

/** Old versions of Compose write paths relative to the working directory into their labels. */
function absolute(file: string, workingDirectory: string | null): string {
  const isAbsolute = file.startsWith('/') || /^[A-Za-z]:[\\/]/.test(file) || file.startsWith('\\\\')
  if (isAbsolute || workingDirectory === null) return file
  return `${workingDirectory.replace(/[\\/]+$/, '')}/${file.replace(/^\.\//, '')}`
}

/** Containers of other stacks that mount a volume or folder of this one. */
export function outsidersOf(group: StackGroup, all: readonly StackGroup[]): readonly Outsider[] {
  const ours = new Set(
    group.containers.flatMap(each => each.mounts.map(mount => mountIdOf(mount, each.service))),
  )
  for (const { name } of group.volumes) ours.add(`volume:${name}`)
  return all
    .filter(other => other.name !== group.name)
    .flatMap(other =>
      other.containers.flatMap(container =>
        container.mounts
          .map(mount => ({
            mount: mountIdOf(mount, container.service),
            stack: other.name,
            service: container.service,
            running: isRunning(container),
            readOnly: mount.readOnly,
          }))
          .filter(({ mount }) => ours.has(mount) && !mount.startsWith('tmpfs:')),
      ),
    )
}

/** True while processes of the container can write. */
export function isRunning(container: Pick<ContainerDefinition, 'state'>): boolean {
  return container.state === 'running' || container.state === 'restarting'
}
