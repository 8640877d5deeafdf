import type { Item, StackPolicy } from '../../contract/model.ts'

/** A pattern as users write it: an item id in which `*` stands for any text and `?` for one character. */
function matcher(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's')
}

/** An entry of `exclude` may carry the user's reason: `volume:cache # can be made again`. */
function entryOf(text: string): {
  readonly pattern: RegExp
  readonly exact: string
  readonly reason: string
} {
  const at = text.indexOf(' # ')
  const exact = (at === -1 ? text : text.slice(0, at)).trim()
  return { pattern: matcher(exact), exact, reason: at === -1 ? '' : text.slice(at + 3).trim() }
}

/** True when an id is meant by a pattern; an id that holds `*` itself is also meant literally. */
export function matchesItem(pattern: string, id: string): boolean {
  const { pattern: expression, exact } = entryOf(pattern)
  return exact === id || expression.test(id)
}

/**
 * Applies what the user decided to a ledger. Pure; applying it to its own result changes nothing. What
 * cannot be taken stays so, but may be left out, which says that the user knows.
 */
export function applyPolicy(
  items: readonly Item[],
  policy: Pick<StackPolicy, 'exclude' | 'include'>,
): readonly Item[] {
  const excludes = policy.exclude.map(entryOf)
  const isIncluded = (item: Item): boolean =>
    policy.include.some(each => matchesItem(each, item.id))
  const decided = items.map(item => {
    if (isIncluded(item)) return included(item)
    const entry = excludes.find(each => each.exact === item.id || each.pattern.test(item.id))
    return entry === undefined ? item : leftOutByUser(item, entry.reason)
  })
  return withoutHolder(withoutDumps(decided, isIncluded))
}

function included(item: Item): Item {
  if (item.decision === 'exclude' && item.kind === 'database') {
    return {
      ...item,
      decision: 'include',
      method: 'dump',
      consistency: 'app-consistent',
      reason: 'Included by you.',
    }
  }
  if (item.decision === 'exclude') {
    return {
      ...item,
      decision: 'include',
      method: 'copy',
      consistency: 'app-consistent',
      reason: `Included by you, though by default: ${item.reason}`,
    }
  }
  if (item.method === 'covered-by-dump') {
    return {
      ...item,
      method: 'copy',
      reason: 'Its files are copied by your choice, besides the dump of its databases.',
    }
  }
  return item
}

/** The item without the one that it was to be taken with. */
function byItself(item: Item): Item {
  const copy: { -readonly [Key in keyof Item]: Item[Key] } = { ...item }
  delete copy.takenWith
  return copy
}

function leftOutByUser(item: Item, reason: string): Item {
  if (item.decision === 'exclude') return item
  return {
    ...byItself(item),
    decision: 'exclude',
    method: 'none',
    consistency: 'none',
    reason: reason === '' ? 'Left out by you.' : `Left out by you: ${reason}`,
  }
}

/** Without a dump of its server a data folder is not covered by one. */
function withoutDumps(
  items: readonly Item[],
  isIncluded: (item: Item) => boolean,
): readonly Item[] {
  return items.map(item => {
    const ofServer = items.filter(each => each.kind === 'database' && each.service === item.service)
    const isData = item.kind !== 'database' && item.engine !== null
    if (!isData || ofServer.length === 0 || ofServer.some(each => each.method === 'dump'))
      return item
    if (item.method === 'covered-by-dump') {
      return leftOutByUser(item, 'the databases in it are left out')
    }
    const byChoice = item.method === 'copy' && isIncluded(item)
    return byChoice
      ? {
          ...item,
          method: 'stopped-copy',
          reason: `Its files are copied by your choice while ${item.service ?? 'the server'} is stopped: a crash-safe copy, not a dump.`,
        }
      : item
  })
}

/** What was to be taken with something that is left out is taken by itself, or left out with it. */
function withoutHolder(items: readonly Item[]): readonly Item[] {
  return items.map(item => {
    const holder = items.find(each => each.id === item.takenWith)
    if (holder === undefined || holder.decision === 'include') return item
    if (holder.decision === 'cannot') {
      const reason = `Cannot be taken: it lies in ${holder.id}, which cannot be taken.`
      return { ...leftOutByUser(item, ''), decision: 'cannot', reason }
    }
    if (item.kind === 'bind' && holder.kind === 'bind') {
      return {
        ...byItself(item),
        method: 'copy',
        reason: `Copied by itself: ${holder.id} is left out.`,
      }
    }
    return leftOutByUser(item, `it lies in ${holder.id}`)
  })
}
