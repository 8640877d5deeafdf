import type { ContainerDefinition } from '../hosts/host.ts'

/** Why the engine itself keeps a container from being started again once it was stopped, or null. */
export function lostWhenStopped(container: ContainerDefinition): string | null {
  const config = (container.raw as { HostConfig?: { AutoRemove?: boolean } } | null)?.HostConfig
  if (config?.AutoRemove === true) return 'the engine removes it as soon as it stops'
  if (container.labels['com.docker.swarm.task.id'] !== undefined) {
    return 'Swarm would start another one in its place'
  }
  return null
}
