import { isAwake, mountsOneOf } from './container-works.ts'
import type { ContainerWork, DatabaseWork, TreeWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'

/** What a person should know before saying yes, though it does not stop the restore. Pure. */
export function findWarnings(
  facts: RestoreFacts,
  trees: readonly TreeWork[],
  databases: readonly DatabaseWork[],
  containers: readonly ContainerWork[],
): readonly string[] {
  const { snapshot, host } = facts
  const warnings: string[] = []
  if (snapshot.outcome === 'partial') {
    warnings.push(
      'The snapshot is partial: some items are missing in it, see what is not restored.',
    )
  }
  const ids = new Set([...trees.flatMap(each => each.items), ...databases.map(each => each.item)])
  for (const item of snapshot.items.filter(each => ids.has(each.id))) {
    if (item.consistency === 'hot') {
      warnings.push(`${item.id} was copied while it may have been written to.`)
    }
  }
  if (snapshot.host.daemonId !== null && snapshot.host.daemonId !== host.daemon?.id) {
    warnings.push(
      'The snapshot was taken from another Docker engine; nothing of the stack is here yet.',
    )
  }
  const architecture = host.daemon?.architecture ?? null
  if (architecture !== null && snapshot.host.architecture !== null) {
    if (architecture !== snapshot.host.architecture) {
      warnings.push(
        `The snapshot is of a host with ${snapshot.host.architecture} processors, this one has ${architecture}: files of databases may not fit.`,
      )
    }
  }
  for (const { service, now, recorded } of containers) {
    if (now === null || recorded === null || now.imageId === recorded.imageId) continue
    warnings.push(
      `${service} runs ${now.image} (${shortId(now.imageId)}) now and ran ${recorded.image} (${shortId(recorded.imageId)}) then; its container stays as it is.`,
    )
  }
  const others = facts.containers.filter(
    each =>
      !isAwake(each.state) &&
      facts.inventory?.containers.every(own => own.id !== each.id) !== false &&
      mountsOneOf(each, trees),
  )
  for (const each of others) {
    warnings.push(
      `The stopped container ${each.name}, which is not of this stack, mounts restored data.`,
    )
  }
  if (
    trees.some(each => each.items.includes('config:env')) &&
    containers.some(each => each.now !== null)
  ) {
    warnings.push(
      'Containers that exist keep the environment they were made with; "docker compose up -d" gives them that of a restored env file.',
    )
  }
  return warnings
}

function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12)
}
