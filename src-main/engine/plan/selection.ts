import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { Item } from '../../contract/model.ts'
import { closestName } from '../detect/closest-name.ts'
import { matchesItem } from '../detect/policy.ts'

/**
 * The ids that a partial backup takes (`--only`), or null for a whole one. What is taken with another item
 * leads to that one, and the data folder of a dumped server to its dumps. What a rule or the user leaves out
 * is taken when it is asked for by name. Rejects ids that match nothing with `unknown-item`, and what
 * cannot be taken with `not-supported`.
 */
export function selectItems(
  items: readonly Item[],
  only: readonly string[] | undefined,
): ReadonlySet<string> | null {
  if (only === undefined || only.length === 0) return null
  const selected = new Set<string>()
  for (const wanted of only) {
    const matches = items.filter(each => matchesItem(wanted, each.id))
    if (matches.length === 0) throw unknownItem(wanted, items)
    const possible = matches.filter(each => each.decision !== 'cannot')
    const [impossible] = matches
    if (possible.length === 0 && impossible !== undefined) throw notPossible(impossible)
    for (const item of possible) for (const id of stepsFor(item, items)) selected.add(id)
  }
  return selected
}

function stepsFor(item: Item, items: readonly Item[]): readonly string[] {
  if (item.takenWith !== undefined) return [item.takenWith]
  if (item.method !== 'covered-by-dump') return [item.id]
  return items
    .filter(
      each => each.kind === 'database' && each.service === item.service && each.method === 'dump',
    )
    .map(each => each.id)
}

/** The items as they are when what was asked for by name is taken. */
export function withSelected(
  items: readonly Item[],
  selected: ReadonlySet<string> | null,
): readonly Item[] {
  if (selected === null) return items
  return items.map(item =>
    selected.has(item.id) && item.decision === 'exclude'
      ? {
          ...item,
          decision: 'include',
          method:
            item.kind === 'database' ? 'dump' : item.kind === 'sqlite' ? 'sqlite-backup' : 'copy',
          consistency: 'app-consistent',
          reason: 'Asked for by name.',
        }
      : item,
  )
}

function unknownItem(wanted: string, items: readonly Item[]): AppError {
  const ids = items.map(each => each.id)
  const meant = closestName(wanted, ids)
  return new AppError('unknown-item', {
    message: `This stack has no item ${JSON.stringify(wanted)}.`,
    state: NOTHING_CHANGED,
    hint: meant === null ? 'The stack’s ledger lists its items.' : `Did you mean ${meant}?`,
    details: `Items: ${ids.join(', ')}`,
  })
}

function notPossible(item: Item): AppError {
  return new AppError('not-supported', {
    message: `${item.id} cannot be backed up.`,
    state: NOTHING_CHANGED,
    hint: item.reason,
  })
}
