import type {
  BackupPlan,
  Item,
  PlannedDowntime,
  PlanStep,
  StackPolicy,
} from '../../contract/model.ts'
import type { Inventory } from '../detect/inventory.ts'
import { applyPolicy } from '../detect/policy.ts'
import { type Quieting, quietings, settle } from '../detect/quiesce.ts'
import { contentId } from './canonical.ts'
import { leftOutPaths } from './left-out-paths.ts'
import { startOrder } from './order.ts'
import { selectItems, withSelected } from './selection.ts'
import { planWarnings } from './warnings.ts'

export { applyPolicy } from '../detect/policy.ts'

export interface PlanOptions {
  /** Where the snapshot goes, for the plan that people see. */
  readonly repository: string
  /** Item ids of a partial backup. */
  readonly only?: readonly string[] | undefined
  readonly lifeboatVersion: string
}

type Draft = Omit<PlanStep, 'order' | 'stops' | 'estimatedBytes' | 'item' | 'service'> &
  Partial<PlanStep>

/**
 * What a backup of a stack does, step by step: pure, so that two calls with equal facts give one plan with
 * one id. The id stands for what is done and leaves sizes out, which change while programs work.
 *
 * The order is that of one consistent point: files of the definition; services that write are kept quiet,
 * dependents first; each database server is given its point in time; SQLite, volumes and folders are
 * copied; services work again; the databases are dumped as they were at that point; the manifest.
 */
export function makeBackupPlan(
  inventory: Inventory,
  policy: StackPolicy,
  options: PlanOptions,
): BackupPlan {
  const { stack, containers } = inventory
  const isFolder = inventory.host.kind === 'folder'
  const decided = applyPolicy(stack.items, policy)
  const selected = selectItems(decided, options.only)
  const asked = withSelected(decided, selected)
  const isTaken = (item: Item): boolean =>
    item.decision === 'include' && item.takenWith === undefined && (selected?.has(item.id) ?? true)
  const items = isFolder ? asked : settle(asked, containers, policy, isTaken)
  const taken = items.filter(each => isTaken(each) && each.method !== 'covered-by-dump')
  const quiet = quietings(items, containers, policy, isTaken)
  const order = startOrder(stack.services)
  const inOrder = quiet.toSorted((a, b) => order.indexOf(a.service) - order.indexOf(b.service))
  const steps = [
    ...configSteps(taken, items),
    ...inOrder.toReversed().map((each, index) => quiesceStep(each, index === 0)),
    ...beginSteps(taken),
    ...copySteps(taken, items, inventory),
    ...inOrder.map(resumeStep),
    ...dumpSteps(taken),
    {
      action: 'write-manifest',
      detail: 'Write the manifest, check sums and restore guide, and finish the snapshot.',
    },
  ] satisfies readonly Draft[]
  const body = {
    host: inventory.host.id,
    stack: stack.name,
    repository: options.repository,
    steps: steps.map(number),
    downtime: inOrder.toReversed().map(each => downtimeOf(each, inventory)),
    excluded: excludedOf(items, selected),
    warnings: planWarnings(
      items.filter(each => isTaken(each)),
      items,
      stack,
      quiet,
      policy,
    ),
  }
  const identity = {
    ...body,
    steps: body.steps.map(each => ({ ...each, estimatedBytes: undefined })),
    warnings: undefined,
    version: options.lifeboatVersion,
  }
  return {
    planId: contentId(identity),
    ...body,
    estimatedBytes: body.steps.reduce((sum, each) => sum + (each.estimatedBytes ?? 0), 0),
  }
}

function number(draft: Draft, index: number): PlanStep {
  return {
    item: null,
    service: null,
    stops: false,
    estimatedBytes: null,
    ...draft,
    order: index + 1,
  }
}

function configSteps(taken: readonly Item[], items: readonly Item[]): readonly Draft[] {
  return taken
    .filter(each => each.kind === 'config')
    .map(item => {
      const bound = items.filter(each => each.takenWith === item.id).map(each => each.source)
      return {
        action: 'copy-config' as const,
        item: item.id,
        detail: `Copy ${configWords(item.id)} byte for byte, with mode and owner${bound.length === 0 ? '' : `, ${bound.join(', ')} among them`}.`,
        estimatedBytes: item.sizeBytes,
      }
    })
}

function configWords(id: string): string {
  if (id === 'config:compose') return 'the Compose files'
  return id === 'config:env' ? 'the env files' : 'the secrets'
}

/** What guards the quiet time is told once, where it begins. */
const DEAD_MAN =
  ' A dead-man switch (a helper with the engine’s socket) brings back what is quiet within two minutes should this computer vanish; where no image on the host can run it, the backup says so.'

function quiesceStep({ service, how, reason }: Quieting, first: boolean): Draft {
  return {
    action: 'quiesce',
    service,
    detail: `${how === 'stop' ? 'Stop' : 'Pause'} ${service}: ${reason}.${first ? DEAD_MAN : ''}`,
    stops: true,
  }
}

function resumeStep({ service, how }: Quieting): Draft {
  return {
    action: 'resume',
    service,
    detail: `${how === 'stop' ? 'Start' : 'Unpause'} ${service} again.`,
  }
}

function beginSteps(taken: readonly Item[]): readonly Draft[] {
  const services = new Map<string, Item>()
  for (const item of taken) {
    if (item.method === 'dump' && item.service !== null && !services.has(item.service)) {
      services.set(item.service, item)
    }
  }
  return [...services.keys()].toSorted().map(service => ({
    action: 'begin-dump' as const,
    service,
    detail: `Take a consistent point of the databases of ${service}, with what the whole server shares (roles, settings).`,
  }))
}

function copySteps(
  taken: readonly Item[],
  items: readonly Item[],
  inventory: Inventory,
): readonly Draft[] {
  const sqlite = taken
    .filter(each => each.kind === 'sqlite')
    .map(item => ({
      action: 'copy-sqlite' as const,
      item: item.id,
      service: item.service,
      detail: `Take a safe copy of the SQLite database ${item.source} with its log, and check it.`,
      estimatedBytes: item.sizeBytes,
    }))
  const copy = (kind: 'volume' | 'bind'): readonly Draft[] =>
    taken
      .filter(each => each.kind === kind)
      .map(item => {
        const leaveOut = leftOutPaths(item, items, inventory)
        return {
          action: kind === 'volume' ? ('copy-volume' as const) : ('copy-bind' as const),
          item: item.id,
          service: item.service,
          detail:
            `Copy ${kind === 'volume' ? 'the volume' : ''} ${item.source}${meanwhile(item)}.`.replace(
              '  ',
              ' ',
            ),
          estimatedBytes: item.sizeBytes,
          ...(leaveOut.length === 0 ? {} : { leaveOut }),
        }
      })
  return [...sqlite, ...copy('volume'), ...copy('bind')]
}

function meanwhile(item: Item): string {
  switch (item.consistency) {
    case 'app-consistent':
      return item.method === 'stopped-copy' ? ', while what writes to it is stopped' : ''
    case 'crash-consistent':
      return ', while what writes to it is paused'
    case 'hot':
      return ', while programs may write to it'
    case 'none':
      return ''
  }
}

function dumpSteps(taken: readonly Item[]): readonly Draft[] {
  return taken
    .filter(each => each.method === 'dump')
    .map(item => ({
      action: 'dump' as const,
      item: item.id,
      service: item.service,
      detail: `Dump the database ${item.source} of ${item.service ?? ''} as it was at that point.`,
      estimatedBytes: item.sizeBytes,
    }))
}

function downtimeOf(quieting: Quieting, inventory: Inventory): PlannedDowntime {
  const { service, how, reason } = quieting
  const graces = inventory.containers
    .filter(each => each.service === service)
    .map(each => each.stopGraceMs)
  return { service, how, reason, graceMs: how === 'stop' ? Math.max(0, ...graces) : 0 }
}

function excludedOf(
  items: readonly Item[],
  selected: ReadonlySet<string> | null,
): BackupPlan['excluded'] {
  return items.flatMap(item => {
    if (item.decision !== 'include' || item.method === 'covered-by-dump') {
      return [{ item: item.id, reason: item.reason }]
    }
    const isAsked = selected === null || selected.has(item.takenWith ?? item.id)
    return isAsked ? [] : [{ item: item.id, reason: 'Not asked for (--only).' }]
  })
}
