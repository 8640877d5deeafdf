import type { Criticality, Item } from '../../../contract/model.ts'
import type { DetectedSqlite } from '../inventory.ts'
import type { StackMount } from '../mounts.ts'
import type { StackView } from '../view.ts'
import { blank, ownerOf, writersOf } from './row.ts'

/** Ledger id of an SQLite file in a mount. */
export function sqliteId(mount: StackMount, path: string): string {
  return path === ''
    ? `sqlite:${mount.source}`
    : `sqlite:${mount.source.replace(/\/+$/, '')}/${path}`
}

/**
 * The SQLite files of a stack, each once: those in mounts that are copied file by file. In the data folder
 * of a dumped server or of a stopped store they belong to it and stay with it.
 */
export function findSqlite(
  view: StackView,
  rows: readonly Item[],
): readonly (DetectedSqlite & { readonly in: StackMount })[] {
  return view.mounts.flatMap(mount => {
    const row = rows.find(each => each.id === mount.id)
    if (row?.decision !== 'include' || row.takenWith !== undefined) return []
    if (row.method === 'covered-by-dump' || view.stores.some(each => each.data.includes(mount)))
      return []
    return (view.factsOf(mount)?.sqlite ?? []).map(file => ({
      item: sqliteId(mount, file.path),
      mount: mount.id,
      ...file,
      in: mount,
    }))
  })
}

function criticalityOf(path: string): Criticality {
  return /(?:^|[/_.-])(?:cache|caches|tmp|temp|logs?)(?:[/_.-]|$)/i.test(path)
    ? 'replayable'
    : 'critical'
}

/** Rows for SQLite files. */
export function sqliteRows(view: StackView, found: ReturnType<typeof findSqlite>): readonly Item[] {
  return found.map(file => {
    const owner = ownerOf(file.in)
    const target =
      owner === null
        ? null
        : file.path === ''
          ? owner.target
          : `${owner.target.replace(/\/+$/, '')}/${file.path}`
    return {
      ...blank,
      id: file.item,
      kind: 'sqlite',
      engine: 'sqlite',
      service: owner?.container.service ?? null,
      writers: writersOf(view, file.in),
      source: file.path === '' ? file.in.source : file.path,
      target,
      sizeBytes: file.sizeBytes,
      method: 'sqlite-backup',
      consistency: 'app-consistent',
      criticality: criticalityOf(file.path),
      decision: 'include',
      reason: `SQLite database, known by its header: taken with its log as one safe copy and checked; the copy of ${file.in.id} leaves it out.`,
    }
  })
}
