import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { Manifest, ManifestItem } from '../store/manifest.ts'

export interface Selection {
  readonly items: readonly ManifestItem[]
  readonly notRestored: readonly { readonly item: string; readonly reason: string }[]
  /** Asked for, and not in the snapshot because their backup failed. */
  readonly lost: readonly string[]
}

/**
 * What of a snapshot is restored, and what not and why. Pure. `only` names items by their ids; one that
 * the snapshot does not hold is `unknown-item`.
 */
export function selectItems(snapshot: Manifest, only: readonly string[] | null): Selection {
  for (const id of only ?? []) {
    if (snapshot.items.every(each => each.id !== id)) throw unknownItem(snapshot, id)
  }
  const items: ManifestItem[] = []
  const notRestored = snapshot.excluded.map(each => ({ item: each.item, reason: each.reason }))
  for (const item of snapshot.items) {
    const reason = whyNot(item, only, snapshot.origin)
    if (reason === null) items.push(item)
    else if (reason !== '') notRestored.push({ item: item.id, reason })
  }
  const lost = snapshot.items
    .filter(each => each.outcome === 'failed' && !items.includes(each))
    .filter(each => only?.includes(each.id) ?? true)
  return { items, notRestored, lost: lost.map(each => each.id) }
}

/** Null: it is restored. '' : it comes with another item and needs no line of its own. */
function whyNot(
  item: ManifestItem,
  only: readonly string[] | null,
  origin: Manifest['origin'],
): string | null {
  if (only !== null && !only.includes(item.id)) return 'Not asked for: it stays as it is.'
  // A damaged SQLite database was kept as it was: its files can be put back by whoever asks for them.
  const isKeptRaw = item.kind === 'sqlite' && item.artifacts.length > 0
  const isWanted = only !== null || origin === 'safety'
  if (item.outcome === 'failed' && !(isKeptRaw && isWanted)) {
    return `The snapshot does not hold it: ${item.error ?? 'its backup failed'}`
  }
  if (item.kind === 'bucket') return 'Buckets cannot be restored in place by this version.'
  return item.artifacts.length === 0 ? '' : null
}

function unknownItem(snapshot: Manifest, id: string): AppError {
  const word = id.slice(id.indexOf(':') + 1).toLowerCase()
  const close = snapshot.items.find(each => word !== '' && each.id.toLowerCase().includes(word))
  return new AppError('unknown-item', {
    message: `The snapshot ${snapshot.id} holds no item "${id}".`,
    state: NOTHING_CHANGED,
    hint:
      close === undefined
        ? `Choose one of: ${snapshot.items.map(each => each.id).join(', ')}.`
        : `Did you mean "${close.id}"?`,
  })
}
