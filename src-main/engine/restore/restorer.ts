import { NOTHING_CHANGED } from '../../contract/errors.ts'
import type { Host } from '../hosts/host.ts'
import { assertSameDaemon } from '../hosts/index.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { EngineDeps } from '../ports.ts'
import type { Repository } from '../store/repository.ts'
import { awaitServers } from './await-servers.ts'
import { isAwake } from './container-works.ts'
import { createMissing } from './create-missing.ts'
import type { Progress, RestoreOutcome } from './endings.ts'
import { accept, finishRun, takeBackAll } from './endings.ts'
import { notStarted, unhealthy } from './failures.ts'
import { gatherRestoreFacts } from './gather.ts'
import { checkConfirmation, refuseBlocked, refuseConcurrent } from './guard.ts'
import type { HealthResult } from './health.ts'
import { awaitHealth } from './health.ts'
import { openRun } from './open-run.ts'
import { withRemovals } from './removals.ts'
import { makeRestorePlan } from './restore-plan.ts'
import type { RestoreRun } from './run-context.ts'
import { note } from './run-context.ts'
import type { TakeSafetySnapshot } from './safety.ts'
import { keepFormerState } from './safety.ts'
import type { KnownContainer } from './services.ts'
import { runningAfter, startContainers, stopContainers } from './services.ts'
import { stageAll, stageEarly } from './stage-all.ts'
import type { UndoRecord } from './undo-record.ts'

/** How long a container without a health check must run steadily. */
const STEADY_MS = 5_000

export interface RestoreInput {
  readonly host: Host
  /** The user named this host; otherwise it is the one that the snapshot names. */
  readonly hostWasNamed?: boolean
  readonly deps: EngineDeps
  readonly repository: Repository
  /** Full id. */
  readonly snapshot: string
  /** Item ids, or null for all. */
  readonly only: readonly string[] | null
  /** Must equal the stack's name, letter by letter. */
  readonly confirm: string
  readonly job: JobContext
  readonly takeSafetySnapshot: TakeSafetySnapshot
  /** For tests: shortens the wait for containers without a health check. */
  readonly steadyMs?: number
}

/**
 * Restores a snapshot in place. Everything is staged beside the live data and verified there, then all is
 * switched by renames, then health decides whether the former state is dropped or comes back: a failure
 * at any moment leaves the old or the new whole.
 *
 * Rejects with `AppError` when nothing was changed in the end (refused, failed before the switch, cancelled);
 * resolves with an `error` in the outcome when it was switched and rolled back.
 */
export async function runRestore(input: RestoreInput): Promise<RestoreOutcome> {
  return await executeRestore(input, null)
}

/** The same for an undo: `undo` names what is removed beyond the restore of the safety snapshot. */
export async function executeRestore(
  input: RestoreInput,
  undo: UndoRecord | null,
): Promise<RestoreOutcome> {
  const { host, deps, repository, job } = input
  const manifest = await repository.readManifest(input.snapshot)
  checkConfirmation(manifest.stack.name, input.confirm)
  const lock = await repository.lock(input.snapshot, 'read', `restore of ${manifest.stack.name}`)
  try {
    const { name } = manifest.stack
    const supersedes = await refuseConcurrent(deps.paths.state, host, name, input.snapshot)
    job.phase('plan', `Looking at ${manifest.stack.name} as it is now`, null, NOTHING_CHANGED)
    const facts = await gatherRestoreFacts({ ...input, signal: job.signal })
    const planned = makeRestorePlan(facts)
    const design = undo === null ? planned : withRemovals(planned, undo, facts)
    refuseBlocked(design.plan)
    for (const warning of design.plan.warnings) job.note('warning', warning)
    const startedAt = deps.clock.now()
    const run = await openRun(input, facts, design, { undo, supersedes, startedAt })
    try {
      return await execute(run, input, startedAt)
    } finally {
      await run.places.close()
    }
  } finally {
    await lock.release()
  }
}

async function execute(
  run: RestoreRun,
  input: RestoreInput,
  startedAt: Date,
): Promise<RestoreOutcome> {
  const { job } = run
  const progress: Progress = {
    safetySnapshot: null,
    undoUntil: null,
    staged: [],
    switched: false,
    health: { ok: false, detail: 'Not asked.' },
  }
  try {
    await assertSameDaemon(run.host, run.facts.host.daemon?.id ?? null)
    await prepare(run, input, progress)
    await assertSameDaemon(run.host, run.facts.host.daemon?.id ?? null)
    await switchOver(run, progress)
    const settling = Promise.allSettled(progress.staged.map(each => each.settle()))
    progress.health = await health(run, input)
    await settling
    if (!progress.health.ok && run.design.replaced.length > 0) throw unhealthy(progress.health)
    job.signal.throwIfAborted()
    progress.undoUntil = await accept(run, input.repository, progress.safetySnapshot)
  } catch (error) {
    return await takeBackAll(run, input.repository, progress, startedAt, error)
  }
  return await finishRun(run, progress, startedAt)
}

/** Everything that leaves the live data as it is: the safety snapshot, what must be made, and staging. */
async function prepare(run: RestoreRun, input: RestoreInput, progress: Progress): Promise<void> {
  const { job, journal, design } = run
  progress.safetySnapshot = await keepFormerState(run, input.repository, input.takeSafetySnapshot)
  await note(journal, each => ({ ...each, safetySnapshot: progress.safetySnapshot }))
  const bytes = [
    ...design.trees.flatMap(each => [
      each.archive?.plain.bytes ?? 0,
      ...each.files.map(file => file.record.plain.bytes),
    ]),
    ...design.databases.flatMap(each => each.artifacts.map(file => file.record.plain.bytes)),
  ].reduce((sum, each) => sum + each, 0)
  // Several items of one folder are one work.
  job.expect({ bytes, items: design.trees.length + design.databases.length })
  await createMissing(run)
  const early = await stageEarly(run)
  progress.staged = early
  await startDatabases(run)
  progress.staged = [...early, ...(await stageAll(run))]
  job.signal.throwIfAborted()
}

/** Servers whose databases are loaded must run; each is noted before it is started. */
async function startDatabases(run: RestoreRun): Promise<void> {
  const { host, job, journal } = run
  if (host.kind === 'folder') return
  const serving = run.containers.filter(each => each.servesDatabase)
  const asleep: KnownContainer[] = []
  for (const container of serving) {
    job.signal.throwIfAborted()
    const now = await host.container(container.id)
    if (isAwake(now.state)) continue
    asleep.push(container)
    job.phase('restore', `Starting ${container.service} alone`)
    await note(journal, each => ({ ...each, started: [...(each.started ?? []), container.id] }))
    const problems = await startContainers(host, [container], job.note)
    if (problems[0] !== undefined) throw notStarted(problems[0])
  }
  await awaitServers(run, asleep)
}

/** Stops who writes, switches everything, starts who is to run. */
async function switchOver(run: RestoreRun, progress: Progress): Promise<void> {
  const { host, job, journal } = run
  const danger =
    'Killing Lifeboat now leaves services stopped until its next start, which puts everything back.'
  const pending = progress.staged.filter(each => !each.isActive)
  if (host.kind === 'docker') {
    const stopping = run.containers.filter(each => each.stops)
    job.phase('restore', 'Stopping services', null, danger)
    await stopContainers(host, stopping, journal, job)
  }
  await note(journal, each => ({ ...each, stage: 'switching' }))
  progress.switched = true
  job.phase('restore', 'Switching to the restored data', null, danger)
  for (const item of pending) {
    job.signal.throwIfAborted()
    await item.activate()
    job.note('info', `Switched ${item.items.join(', ')}.`)
  }
  await note(journal, each => ({ ...each, stage: 'switched' }))
  if (host.kind === 'folder') return
  job.phase('restore', 'Starting services', null, danger)
  const starting = runningAfter(run.containers)
  // Whoever did not run before must not run on while the former data comes back.
  const fresh = starting.filter(each => each.now === null || !isAwake(each.now.state))
  await note(journal, each => ({
    ...each,
    started: [...new Set([...(each.started ?? []), ...fresh.map(container => container.id)])],
  }))
  const problems = await startContainers(host, starting, job.note)
  if (problems.length > 0) throw notStarted(problems.join(' '))
}

async function health(run: RestoreRun, input: RestoreInput): Promise<HealthResult> {
  const { host, facts, job } = run
  job.phase(
    'health',
    'Waiting until everything is healthy',
    null,
    'Killing Lifeboat now makes its next start put everything back.',
  )
  return await awaitHealth({
    host: host.kind === 'docker' ? host : null,
    containers: runningAfter(run.containers),
    url: facts.policy.healthUrl,
    timeoutMs: facts.policy.healthTimeoutMs,
    steadyMs: input.steadyMs ?? STEADY_MS,
    signal: job.signal,
  })
}
