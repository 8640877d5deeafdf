import { readdir } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { RestorePlan } from '../../contract/model.ts'
import type { UndoEntry } from '../../contract/reports.ts'
import type { EngineDeps } from '../ports.ts'
import type { RestoreOutcome } from './endings.ts'
import { gatherRestoreFacts } from './gather.ts'
import { withRemovals } from './removals.ts'
import { makeRestorePlan } from './restore-plan.ts'
import type { RestoreInput } from './restorer.ts'
import { executeRestore } from './restorer.ts'
import type { UndoRecord } from './undo-record.ts'
import { readUndo, readUndos, removeUndo, UNDO_SUFFIX, undoEntry } from './undo-record.ts'

export type UndoInput = Omit<RestoreInput, 'snapshot' | 'only'> & { readonly undo: UndoRecord }

/** The restores that can still be undone, newest first. */
export async function listUndos(deps: EngineDeps): Promise<readonly UndoEntry[]> {
  const now = deps.clock.now().toISOString()
  return (await readUndos(deps.paths.state)).filter(each => each.until > now).map(undoEntry)
}

/**
 * Finds a restore to undo: by its id or the end of it, or the newest when none is named. Looks in this
 * computer's state, then beside the safety snapshots of the repository. Rejects with `nothing-to-undo`,
 * `undo-expired`, `ambiguous-name`.
 */
export async function findUndo(
  deps: EngineDeps,
  repository: string | null,
  restore: string | null,
): Promise<UndoRecord> {
  const own = await readUndos(deps.paths.state)
  const others = repository === null ? [] : await undosBeside(repository)
  const known = new Set(own.map(each => each.restore))
  const all = [...own, ...others.filter(each => !known.has(each.restore))].toSorted((a, b) =>
    b.at.localeCompare(a.at),
  )
  const now = deps.clock.now().toISOString()
  if (restore === null) {
    const newest = all.find(each => each.until > now)
    if (newest !== undefined) return newest
    throw all[0] === undefined
      ? nothing('There is no restore that could be undone.')
      : expired(all[0])
  }
  const meant = all.filter(each => each.restore === restore || each.restore.endsWith(restore))
  const exact = meant.find(each => each.restore === restore)
  if (exact === undefined && meant.length > 1) {
    throw new AppError('ambiguous-name', {
      message: `${JSON.stringify(restore)} can mean ${meant.length} restores.`,
      state: NOTHING_CHANGED,
      hint: `Give the whole id: ${meant.map(each => each.restore).join(', ')}.`,
    })
  }
  const found = exact ?? meant[0]
  if (found === undefined) throw nothing(`There is no restore ${JSON.stringify(restore)} to undo.`)
  if (found.until <= now) throw expired(found)
  return found
}

/** Records that lie beside the safety snapshots of a repository. */
async function undosBeside(repository: string): Promise<readonly UndoRecord[]> {
  const found: UndoRecord[] = []
  for (const host of await foldersIn(repository)) {
    for (const stack of await foldersIn(host)) {
      const names = await readdir(stack).catch(() => [])
      for (const name of names.filter(each => each.endsWith(UNDO_SUFFIX))) {
        const record = await readUndo(path.join(stack, name))
        // The repository may have been moved since.
        if (record !== null) found.push({ ...record, repository })
      }
    }
  }
  return found
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries
    .filter(each => each.isDirectory() && !each.name.startsWith('.'))
    .map(each => path.join(folder, each.name))
}

/** What an undo would do. Changes nothing. */
export async function planUndo(
  input: Omit<UndoInput, 'confirm' | 'job' | 'takeSafetySnapshot'> & {
    readonly signal: AbortSignal
  },
): Promise<RestorePlan> {
  const { undo } = input
  const only = await onlyOf(input)
  const facts = await gatherRestoreFacts({ ...input, snapshot: undo.safetySnapshot, only })
  return withRemovals(makeRestorePlan(facts), undo, facts).plan
}

/**
 * Takes a restore back: restores its safety snapshot by the same machinery (with a safety snapshot of its
 * own, so that it can be undone in turn), and removes what the restore had made.
 */
export async function runUndo(input: UndoInput): Promise<RestoreOutcome> {
  const { undo, deps, repository } = input
  const only = await onlyOf(input)
  const outcome = await executeRestore({ ...input, snapshot: undo.safetySnapshot, only }, undo)
  if (outcome.error === null) {
    await removeUndo(deps.paths.state, repository.folderOf(undo.safetySnapshot), undo.restore)
  }
  return outcome
}

/** Where single items were restored, all else stays as it is now. */
async function onlyOf({
  undo,
  repository,
}: Pick<UndoInput, 'undo' | 'repository'>): Promise<readonly string[] | null> {
  if (!undo.partial) return null
  const manifest = await repository.readManifest(undo.safetySnapshot)
  return manifest.items.map(each => each.id)
}

function nothing(message: string): AppError {
  return new AppError('nothing-to-undo', {
    message,
    state: NOTHING_CHANGED,
    hint: '"lifeboat audit" lists the restores; each can be undone for 7 days.',
  })
}

function expired({ restore, until, safetySnapshot }: UndoRecord): AppError {
  return new AppError('undo-expired', {
    message: `The restore ${restore} could be undone until ${until}.`,
    state: NOTHING_CHANGED,
    hint: `Its safety snapshot may still be there: lifeboat restore ${safetySnapshot} --in-place`,
  })
}
