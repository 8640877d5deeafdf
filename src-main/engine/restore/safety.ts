import { AppError } from '../../contract/errors.ts'
import type { Item } from '../../contract/model.ts'
import { detectStack } from '../detect/detect.ts'
import type { Inventory } from '../detect/inventory.ts'
import type { Manifest } from '../store/manifest.ts'
import type { Repository } from '../store/repository.ts'
import { createMissing } from './create-missing.ts'
import type { RestoreRun } from './run-context.ts'

/** Backs up the named items of the stack, with origin `safety`; returns the snapshot's full id. */
export type TakeSafetySnapshot = (items: readonly string[]) => Promise<string>

/**
 * Keeps what is about to be replaced. Resolves with null when there is nothing to keep; rejects with
 * `safety-snapshot-failed` unless every piece of it is in a snapshot that was read back.
 */
export async function keepFormerState(
  run: RestoreRun,
  repository: Repository,
  take: TakeSafetySnapshot,
): Promise<string | null> {
  const { design, job } = run
  if (design.replaced.length === 0) {
    job.note('info', 'Nothing of what is restored exists any more: there is nothing to keep.')
    return null
  }
  let keepers = findKeepers(design.replaced, run.facts.inventory)
  if (keepers.unknown.length > 0) {
    // Without its containers nobody knows a stack's folders: they are made first, which changes no data.
    await createMissing(run)
    const { host, deps, facts } = run
    const detected = await detectStack(host, facts.snapshot.stack.name, deps, job.signal)
    await detected.helper?.close()
    keepers = findKeepers(design.replaced, detected.inventory)
  }
  const { items, unknown } = keepers
  if (unknown.length > 0) {
    const list = unknown.join(', ')
    throw failed(`The ledger of the stack does not hold ${list}, which would be replaced.`, run)
  }
  job.phase(
    'capture',
    'Keeping what is there now in a safety snapshot',
    null,
    'The live data is untouched.',
  )
  let id: string
  try {
    id = await take(items)
  } catch (error) {
    if (error instanceof AppError && error.code === 'interrupted') throw error
    throw failed(error instanceof Error ? error.message : String(error), run, error)
  }
  const manifest = await repository.readManifest(id)
  const lost = items.filter(each => !isKept(each, manifest))
  if (lost.length > 0) throw failed(`It does not hold ${lost.join(', ')}.`, run)
  return id
}

/**
 * The ledger's rows that keep the given items, and the items that no row keeps. A database that cannot be
 * dumped is kept by its files, a file inside another mount by that.
 */
function findKeepers(
  ids: readonly string[],
  inventory: Inventory | null,
): { readonly items: readonly string[]; readonly unknown: readonly string[] } {
  const rows = new Map(inventory?.stack.items.map(each => [each.id, each]))
  const found = ids.map(id => ({ id, keeping: rowsFor(id, rows) }))
  return {
    items: [...new Set(found.flatMap(each => each.keeping))],
    unknown: found.filter(each => each.keeping.length === 0).map(each => each.id),
  }
}

function rowsFor(id: string, rows: ReadonlyMap<string, Item>): readonly string[] {
  const row = rows.get(id)
  if (row?.takenWith !== undefined) return rowsFor(row.takenWith, rows)
  if (row?.method === 'covered-by-dump') {
    // Its server answers: its databases are dumped, and that is what a restore replaces.
    return [...rows.values()]
      .filter(each => each.kind === 'database' && each.service === row.service)
      .filter(each => each.decision === 'include' && each.method === 'dump')
      .map(each => each.id)
  }
  return row !== undefined && row.method !== 'none' ? [id] : []
}

/** A damaged SQLite database is kept as it is, though that makes its item fail. */
function isKept(id: string, manifest: Manifest): boolean {
  const item = manifest.items.find(each => each.id === id)
  if (item === undefined) return false
  return item.outcome === 'complete' || (item.kind === 'sqlite' && item.artifacts.length > 0)
}

function failed(why: string, run: RestoreRun, cause?: unknown): AppError {
  const details = cause instanceof AppError ? cause.details : undefined
  return new AppError(
    'safety-snapshot-failed',
    {
      message: `What is there now could not be kept, so the restore did not begin: ${why}`,
      state: `Nothing was changed in ${run.facts.snapshot.stack.name}.`,
      hint: 'Put the cause right (often: make room in the repository), then restore again.',
      ...(details === undefined ? {} : { details }),
    },
    cause,
  )
}
