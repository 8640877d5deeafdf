import type { BackupPlan } from '../../contract/model.ts'
import { lostWhenStopped } from '../detect/come-back.ts'
import type { Inventory } from '../detect/inventory.ts'
import type { ContainerDefinition } from '../hosts/host.ts'

/** A container that is to be kept from writing. */
export interface QuiesceTarget {
  readonly containerId: string
  readonly service: string
  readonly how: 'stop' | 'pause'
  readonly graceMs: number
  /** Why it is paused although the plan says stop, or null. */
  readonly insteadOfStop: string | null
}

/**
 * Who is stopped or paused, in waves: the members of a wave do not depend on each other and are taken at
 * the same time; waves follow the plan's order. Only containers that run now are in it.
 */
export function quiesceWaves(
  plan: BackupPlan,
  inventory: Inventory,
  lostMounts: ReadonlySet<string>,
): readonly (readonly QuiesceTarget[])[] {
  const services = new Map(inventory.stack.services.map(each => [each.name, each.dependsOn]))
  const waves: QuiesceTarget[][] = []
  let inWave: string[] = []
  for (const step of plan.steps) {
    const { service } = step
    if (step.action !== 'quiesce' || service === null) continue
    const planned = plan.downtime.find(each => each.service === service)
    const targets = inventory.containers
      .filter(each => each.service === service && canWrite(each))
      .map(container => targetOf(container, service, planned, lostMounts))
    if (targets.length === 0) continue
    const last = waves.at(-1)
    if (last === undefined || inWave.some(each => dependsOn(services, each, service))) {
      waves.push([...targets])
      inWave = [service]
    } else {
      last.push(...targets)
      inWave.push(service)
    }
  }
  return waves
}

/** A restarting container comes back by itself in a moment; a paused one was paused by somebody else. */
function canWrite(container: ContainerDefinition): boolean {
  return container.state === 'running' || container.state === 'restarting'
}

function targetOf(
  container: ContainerDefinition,
  service: string,
  planned: BackupPlan['downtime'][number] | undefined,
  lostMounts: ReadonlySet<string>,
): QuiesceTarget {
  const how = planned?.how ?? 'stop'
  const reason = how === 'stop' ? wouldNotComeBack(container, lostMounts) : null
  return {
    containerId: container.id,
    service,
    how: reason === null ? how : 'pause',
    graceMs: planned?.graceMs ?? container.stopGraceMs,
    insteadOfStop: reason,
  }
}

/** Why a container must not be stopped: it could not be started again as it is. */
export function wouldNotComeBack(
  container: ContainerDefinition,
  lostMounts: ReadonlySet<string>,
): string | null {
  const lost = container.mounts.find(
    each => each.type === 'bind' && lostMounts.has(`bind:${each.source}`),
  )
  if (lost !== undefined) return `its bind ${lost.source} is gone from the host`
  return lostWhenStopped(container)
}

function dependsOn(
  services: ReadonlyMap<string, readonly string[]>,
  from: string,
  on: string,
  seen: ReadonlySet<string> = new Set(),
): boolean {
  if (seen.has(from)) return false
  const direct = services.get(from) ?? []
  const further = new Set([...seen, from])
  return direct.includes(on) || direct.some(each => dependsOn(services, each, on, further))
}
