import type { WireError } from '../../contract/errors.ts'
import { AppError, toWire } from '../../contract/errors.ts'
import type { RestoreItemResult, RestoreReport } from '../../contract/model.ts'
import { readJournals } from '../jobs/journal.ts'
import { interrupted } from '../lib/interrupted.ts'
import type { Repository } from '../store/repository.ts'
import { notPutBack } from './failures.ts'
import type { HealthResult } from './health.ts'
import type { RestoreRun } from './run-context.ts'
import { note } from './run-context.ts'
import { runningAfter } from './services.ts'
import type { StagedItem } from './stage-trees.ts'
import { removeSuperseded } from './superseded.ts'
import { writeUndoOf } from './undo-of-run.ts'
import { removeUndo, UNDO_MS } from './undo-record.ts'
import { goBack, goOn } from './way-back.ts'

/** What became of a restore. `error` is set when the report tells of a failure after which everything was put back. */
export interface RestoreOutcome {
  readonly report: RestoreReport
  readonly error: WireError | null
}

/** What a run has reached. */
export interface Progress {
  safetySnapshot: string | null
  /** Set once the restore is accepted. */
  undoUntil: string | null
  staged: readonly StagedItem[]
  switched: boolean
  health: HealthResult
}

/**
 * Decides for the restored state: how to undo it is written down, then that it counts. Until this has
 * resolved everything can still go back. Returns until when it can be undone, or null when nothing was kept.
 */
export async function accept(
  run: RestoreRun,
  repository: Repository,
  safetySnapshot: string | null,
): Promise<string | null> {
  const until = new Date(run.deps.clock.now().getTime() + UNDO_MS)
  if (safetySnapshot !== null) await writeUndoOf(run, repository, safetySnapshot, until)
  await note(run.journal, each => ({
    ...each,
    stage: 'finishing',
    runAfter: runningAfter(run.containers).map(container => container.id),
  }))
  return safetySnapshot === null ? null : until.toISOString()
}

/** Removes the former state of an accepted restore. What cannot be removed now is a warning. */
export async function finishRun(
  run: RestoreRun,
  progress: Progress,
  startedAt: Date,
): Promise<RestoreOutcome> {
  const { job, journal } = run
  job.phase(
    'restore',
    'Removing the former state',
    null,
    'The restore is complete; the next start removes what is left of the former state.',
  )
  const input = await wayBackInput(run)
  const problems = await goOn(input)
  run.warnings.push(...(await removeSuperseded(run.deps, input)))
  for (const problem of problems) {
    run.warnings.push(`${problem} The next start of Lifeboat tries again.`)
  }
  if (problems.length === 0) await journal.remove()
  else await giveUp(journal)
  if (!progress.health.ok) {
    run.warnings.push(
      `What was restored is not healthy: ${progress.health.detail} There was nothing to go back to, so it stays.`,
    )
  }
  const report: RestoreReport = {
    ...reportOf(run, progress, startedAt),
    outcome: progress.health.ok && !run.design.incomplete ? 'complete' : 'partial',
    undoUntil: progress.undoUntil,
  }
  job.phase('done', 'Done')
  return { report, error: null }
}

/** Everything goes back to how it was. Rejects unless it had been switched; then the report tells. */
export async function takeBackAll(
  run: RestoreRun,
  repository: Repository,
  progress: Progress,
  startedAt: Date,
  cause: unknown,
): Promise<RestoreOutcome> {
  const { job, journal } = run
  job.note('error', cause instanceof Error ? cause.message : String(cause))
  job.phase('restore', 'Putting everything back as it was', null, 'The next start goes on with it.')
  const problems = await goBack(await wayBackInput(run))
  if (problems.length > 0) {
    await giveUp(journal)
    throw notPutBack(problems, progress.safetySnapshot, cause)
  }
  await journal.remove()
  // What was taken back cannot be undone as well.
  await removeUndo(
    run.deps.paths.state,
    progress.safetySnapshot === null ? null : repository.folderOf(progress.safetySnapshot),
    run.restoreId,
  )
  const reason: unknown = job.signal.reason
  const wire = toWire(
    !job.signal.aborted ? cause : reason instanceof AppError ? reason : interrupted(),
  )
  const stack = run.facts.snapshot.stack.name
  if (!progress.switched || job.signal.aborted) {
    const state = progress.switched
      ? `Everything in ${stack} is as it was before, and its services run again.`
      : `Nothing was changed: ${stack} is as it was before.`
    throw new AppError(wire.code, { ...wire, state }, cause)
  }
  const error: WireError = {
    code: 'rolled-back',
    message: `The restore was taken back: ${wire.message}`,
    state: `Everything in ${stack} is as it was before, and its services run again.`,
    hint: wire.hint,
    ...(wire.details === undefined ? {} : { details: wire.details }),
  }
  const report: RestoreReport = {
    ...reportOf(run, progress, startedAt),
    outcome: 'failed',
    rolledBack: true,
    items: run.design.plan.items.map(each => ({
      ...itemResult(each, progress),
      outcome: 'rolled-back',
      error: wire.message,
    })),
  }
  return { report, error }
}

/** Leaves the journal to the next repair, also to one by this very process, which lives on. */
async function giveUp(journal: RestoreRun['journal']): Promise<void> {
  await journal.update(each => ({ ...each, pid: 0, processStart: null })).catch(() => undefined)
}

async function wayBackInput(run: RestoreRun): Promise<Parameters<typeof goBack>[0]> {
  const { deps, job, host, facts } = run
  const journal = (await readJournals(deps.paths.state)).find(each => each.jobId === job.jobId)
  if (journal === undefined) throw new Error('the journal of this restore is gone')
  return { journal, host, places: run.places, policy: facts.policy, note: job.note }
}

function reportOf(run: RestoreRun, progress: Progress, startedAt: Date): RestoreReport {
  const { design, facts, deps } = run
  return {
    restore: run.restoreId,
    stack: facts.snapshot.stack.name,
    snapshot: facts.snapshot.id,
    outcome: 'complete',
    safetySnapshot: progress.safetySnapshot,
    items: design.plan.items.map(each => itemResult(each, progress)),
    health: progress.health,
    rolledBack: false,
    undoUntil: null,
    durationMs: deps.clock.now().getTime() - startedAt.getTime(),
    warnings: [...design.plan.warnings, ...run.warnings],
  }
}

function itemResult(id: string, { staged }: Progress): RestoreItemResult {
  const own = staged.find(each => each.items.includes(id))
  return {
    id,
    outcome: own === undefined ? 'skipped' : 'restored',
    checks: own?.checks ?? [],
    error: null,
  }
}
