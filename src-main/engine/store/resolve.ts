import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { SnapshotSummary } from '../../contract/model.ts'

function newestFirst<S extends SnapshotSummary>(snapshots: readonly S[]): S[] {
  return snapshots.toSorted((a, b) => b.time.localeCompare(a.time) || b.id.localeCompare(a.id))
}

/** Good enough to be meant without being named. */
function isGood(snapshot: SnapshotSummary): boolean {
  return snapshot.outcome === 'complete' && snapshot.origin !== 'safety'
}

function stackFolder(snapshot: SnapshotSummary): string {
  return snapshot.id.split('/')[1] ?? ''
}

function listed(ids: readonly string[]): string {
  return ids.slice(0, 20).join('\n') + (ids.length > 20 ? `\n… and ${ids.length - 20} more` : '')
}

function ambiguous(reference: string, candidates: readonly SnapshotSummary[]): AppError {
  const ids = newestFirst(candidates).map(each => each.id)
  return new AppError('ambiguous-name', {
    message: `'${reference}' can mean ${ids.length} snapshots: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}.`,
    state: NOTHING_CHANGED,
    hint: 'Give the full id of the one that you mean.',
    details: listed(ids),
  })
}

function unknown(reference: string, details: string, hint: string): AppError {
  const message = `There is no snapshot '${reference}' in this repository.`
  return details === ''
    ? new AppError('unknown-snapshot', { message, state: NOTHING_CHANGED, hint })
    : new AppError('unknown-snapshot', { message, state: NOTHING_CHANGED, hint, details })
}

/** The newest good one of each host among snapshots of one stack. */
function newestOfEachHost<S extends SnapshotSummary>(snapshots: readonly S[]): S[] {
  const newest = new Map<string, S>()
  for (const snapshot of newestFirst(snapshots)) {
    const host = snapshot.id.split('/')[0] ?? ''
    if (!newest.has(host)) newest.set(host, snapshot)
  }
  return [...newest.values()]
}

function ofStack<S extends SnapshotSummary>(reference: string, snapshots: readonly S[]): S | null {
  const named = snapshots.filter(
    each =>
      each.stack === reference ||
      stackFolder(each) === reference ||
      each.id.startsWith(`${reference}/`),
  )
  if (named.length === 0) return null
  const newest = newestOfEachHost(named.filter(isGood))
  if (newest.length > 1) throw ambiguous(reference, newest)
  if (newest[0]) return newest[0]
  throw unknown(
    reference,
    listed(newestFirst(named).map(each => each.id)),
    'None of its snapshots is complete. Give the full id of an incomplete one if you want it.',
  )
}

/**
 * Finds the snapshot that a person means: a full id, `stack/time`, a time, any end of an id that is
 * unique, a stack's name (its newest complete one; never a safety snapshot), or `latest`. Pure.
 * Throws `ambiguous-name` and `unknown-snapshot`.
 */
export function resolveSnapshot<S extends SnapshotSummary>(
  reference: string,
  snapshots: readonly S[],
): S {
  const exact = snapshots.find(each => each.id === reference)
  if (exact) return exact
  const parts = snapshots.filter(
    each =>
      each.id.endsWith(`/${reference}`) ||
      `${each.stack}/${each.id.split('/')[2] ?? ''}` === reference,
  )
  if (parts.length > 1) throw ambiguous(reference, parts)
  if (parts[0]) return parts[0]
  const newest = ofStack(reference, snapshots)
  if (newest !== null) return newest
  if (reference === 'latest') {
    const good = newestFirst(snapshots.filter(isGood))[0]
    if (good) return good
  }
  const ends = reference === '' ? [] : snapshots.filter(each => each.id.endsWith(reference))
  if (ends.length > 1) throw ambiguous(reference, ends)
  if (ends[0]) return ends[0]
  throw unknown(reference, '', "Run 'lifeboat snapshots list' to see what is there.")
}
