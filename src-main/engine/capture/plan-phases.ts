import type { BackupAction, Item, PlanStep } from '../../contract/model.ts'

/** A plan's steps, cut at the moments when writers become quiet and when they come back. */
export interface PlanPhases {
  readonly before: readonly PlanStep[]
  readonly quiet: readonly PlanStep[]
  readonly after: readonly PlanStep[]
}

/** The consistent point of a plan that stops nobody lies between configuration and dumps. */
export function phasesOf(steps: readonly PlanStep[]): PlanPhases {
  const ordered = steps.toSorted((a, b) => a.order - b.order)
  const from = firstOf(ordered, each => each.action !== 'copy-config')
  const to = ordered.some(each => each.action === 'resume')
    ? firstOf(ordered, each => each.action === 'resume')
    : firstOf(ordered, each => each.action === 'dump' || each.action === 'write-manifest')
  return {
    before: ordered.slice(0, from),
    quiet: ordered.slice(from, to),
    after: ordered.slice(to),
  }
}

function firstOf(steps: readonly PlanStep[], is: (step: PlanStep) => boolean): number {
  const index = steps.findIndex(is)
  return index === -1 ? steps.length : index
}

/** The steps that do one of these things, in their order. */
export function stepsWith(
  steps: readonly PlanStep[],
  ...actions: readonly BackupAction[]
): readonly (PlanStep & { readonly item: string })[] {
  return steps.flatMap(step =>
    step.item !== null && actions.includes(step.action) ? [{ ...step, item: step.item }] : [],
  )
}

/** The ledger's rows that a plan captures, each once, in the plan's order. */
export function itemsOf(steps: readonly PlanStep[], items: readonly Item[]): readonly Item[] {
  const byItem = new Map(steps.map(each => [each.item, each]))
  return [...byItem].flatMap(([id, step]) =>
    items.filter(each => each.id === id).map(item => asTaken(item, step)),
  )
}

/** A row that is left out by itself is taken when it was asked for by name. */
function asTaken(item: Item, { action }: PlanStep): Item {
  if (item.decision === 'include') return item
  const method = action === 'dump' ? 'dump' : action === 'copy-sqlite' ? 'sqlite-backup' : 'copy'
  return {
    ...item,
    decision: 'include',
    method,
    consistency: 'app-consistent',
    reason: 'Asked for by name.',
  }
}

/** Estimated bytes by item id. */
export function estimatesOf(steps: readonly PlanStep[]): ReadonlyMap<string, number> {
  const estimates = new Map<string, number>()
  for (const { item, estimatedBytes } of steps) {
    if (item !== null) estimates.set(item, (estimates.get(item) ?? 0) + (estimatedBytes ?? 0))
  }
  return estimates
}
