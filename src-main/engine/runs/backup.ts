import { rm } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED, toWire } from '../../contract/errors.ts'
import type { BackupPlan, BackupReport, StackPolicy } from '../../contract/model.ts'
import type { CaptureResult } from '../capture/capture.ts'
import { capture, CaptureFailure } from '../capture/capture.ts'
import type { QuiesceReport } from '../capture/quiesce.ts'
import type { RunJournal } from '../capture/run-journal.ts'
import { openRunJournal } from '../capture/run-journal.ts'
import { defaultCompression } from '../capture/volume-archive.ts'
import type { DetectedStack } from '../detect/detect.ts'
import { detectStack, policyOf } from '../detect/detect.ts'
import { findHelperImage } from '../hosts/helper-images.ts'
import type { Host } from '../hosts/host.ts'
import type { JobContext } from '../jobs/job-context.ts'
import { thisProcess } from '../lib/process-identity.ts'
import { makeBackupPlan } from '../plan/backup-plan.ts'
import type { EngineDeps } from '../ports.ts'
import type { ArtifactRecord } from '../store/manifest.ts'
import type { Repository } from '../store/repository.ts'
import type { SnapshotWriter } from '../store/snapshot-writer.ts'
import { bytesText } from '../store/storage-error.ts'
import { guideFor } from './backup-guide.ts'
import { makeManifest, reportOf } from './backup-manifest.ts'

export interface BackupInput {
  readonly deps: EngineDeps
  readonly host: Host
  /** The stack's real name. */
  readonly stack: string
  readonly repository: Repository
  readonly job: JobContext
  /** Item ids of a partial backup. */
  readonly only?: readonly string[] | undefined
  /** `safety`: made before a restore. */
  readonly origin?: 'backup' | 'safety'
}

/** What a run needs to know from detection to commit. */
interface Run extends BackupInput {
  readonly origin: 'backup' | 'safety'
  readonly startedAt: Date
  readonly detected: DetectedStack
  readonly policy: StackPolicy
  readonly plan: BackupPlan
}

/**
 * Backs up one stack: looks at it, plans, captures, proves, and commits a snapshot. Resolves with
 * `partial` when an item failed (the others are in the snapshot) or a service did not come back. Rejects
 * with `AppError` when there is no snapshot; its state says what was touched. Whatever happens, services
 * are as before, and no helper, partial folder or journal stays behind.
 */
export async function backupStack(input: BackupInput): Promise<BackupReport> {
  const { deps, host, job } = input
  const origin = input.origin ?? 'backup'
  const startedAt = deps.clock.now()
  job.phase('detect', `Looking at ${input.stack}`)
  const detected = await detectStack(host, input.stack, deps, job.signal)
  try {
    const { inventory } = detected
    job.phase('plan', 'Planning')
    const { policies } = await deps.settings.read()
    const policy = policyOf(policies, host.summary.id, inventory.stack.name)
    const plan = makeBackupPlan(inventory, policy, {
      repository: input.repository.path,
      only: input.only,
      lifeboatVersion: deps.version,
    })
    const run: Run = { ...input, origin, startedAt, detected, policy, plan }
    await checkBeforehand(run)
    const writer = await input.repository.begin({
      host: inventory.host.id,
      stack: inventory.stack.name,
      time: startedAt,
      purpose: `${origin === 'safety' ? 'safety snapshot' : 'backup'} of ${inventory.stack.name}`,
    })
    return await runWith(run, writer)
  } catch (error) {
    throw job.signal.aborted && !isAboutAbort(error) ? job.signal.reason : error
  } finally {
    await detected.helper?.close().catch(() => undefined)
  }
}

function isAboutAbort(error: unknown): boolean {
  return error instanceof AppError && error.code === 'interrupted'
}

/** Refuses what cannot succeed, before anything is touched. */
async function checkBeforehand({ plan, repository, detected, job }: Run): Promise<void> {
  const { name } = detected.inventory.stack
  if (!plan.steps.some(each => each.item !== null)) {
    throw new AppError('failed', {
      message: `There is nothing in ${name} that can be backed up.`,
      state: NOTHING_CHANGED,
      hint: 'The stack’s ledger says why each piece is left out: lifeboat stacks ' + name,
      details: plan.excluded.map(each => `${each.item}: ${each.reason}`).join('\n'),
    })
  }
  const { freeBytes, largestFileBytes } = await repository.space()
  for (const { item, estimatedBytes } of plan.steps) {
    if (largestFileBytes === null || (estimatedBytes ?? 0) <= largestFileBytes) continue
    job.note(
      'warning',
      `${repository.path} takes no file above ${bytesText(largestFileBytes)} (FAT), and ${item ?? 'a file'} may need ${bytesText(estimatedBytes ?? 0)} before compression: it fails if it does. A disk with another file system takes it.`,
    )
  }
  if (freeBytes === null || plan.estimatedBytes <= freeBytes) return
  throw new AppError('not-enough-space', {
    message: `The backup of ${name} needs up to ${bytesText(plan.estimatedBytes)} (estimated, before compression), and ${repository.path} has ${bytesText(freeBytes)} free.`,
    state: NOTHING_CHANGED,
    hint: `Free at least ${bytesText(plan.estimatedBytes - freeBytes)} there, or choose another folder with --repo. Lifeboat deletes nothing to make room.`,
  })
}

async function runWith(run: Run, writer: SnapshotWriter): Promise<BackupReport> {
  const { deps } = run
  const runId = journalId(run)
  const workFolder = workFolderOf(deps, runId)
  let journal: RunJournal | null = null
  let quiesce: QuiesceReport | null = null
  let settled = true
  try {
    journal = await openRunJournal(deps.paths.state, firstJournal(run, runId, writer.folder))
    const result = await captureInto(run, writer, journal, workFolder)
    quiesce = result.quiesce
    settled = !quiesce.leftToRepair
    // Nothing is read from the host any more; it goes while the snapshot is being finished.
    run.detected.helper?.close().catch(() => undefined)
    return await commit(run, writer, result)
  } catch (error) {
    const failure = error instanceof CaptureFailure ? error : null
    quiesce ??= failure?.quiesce ?? null
    settled = quiesce?.leftToRepair !== true
    const abandoned = await writer.abandon().then(
      () => true,
      () => false,
    )
    settled &&= abandoned
    throw explain(run, failure === null ? error : failure.cause, quiesce, abandoned)
  } finally {
    await rm(workFolder, { recursive: true, force: true }).catch(() => undefined)
    if (settled) await journal?.remove().catch(() => undefined)
  }
}

/** The journal of a run; a safety snapshot is a run within a restore, which has a journal of its own. */
function journalId({ job, origin }: Run): string {
  return origin === 'safety' ? `${job.jobId}-safety` : job.jobId
}

/** Folder for what must be settled on this computer before it can be stored. */
export function workFolderOf(deps: EngineDeps, runId: string): string {
  return path.join(deps.paths.cache, 'work', runId)
}

function firstJournal(
  { host, detected, startedAt }: Run,
  jobId: string,
  partialFolder: string,
): Parameters<typeof openRunJournal>[1] {
  const { pid, processStart } = thisProcess()
  return {
    jobId,
    kind: 'backup',
    pid,
    processStart,
    startedAt: startedAt.toISOString(),
    host: host.summary.id,
    daemonId: detected.inventory.daemon?.id ?? null,
    stack: detected.inventory.stack.name,
    quiesced: [],
    helpers: detected.helper === null ? [] : [detected.helper.containerId],
    partialFolder,
    restore: null,
  }
}

async function captureInto(
  run: Run,
  writer: SnapshotWriter,
  journal: RunJournal,
  workFolder: string,
): Promise<CaptureResult<ArtifactRecord>> {
  const { deps, host, job, detected, plan, policy } = run
  const { inventory, helper } = detected
  for (const warning of plan.warnings) job.note('warning', warning)
  return capture({
    plan,
    inventory,
    policy,
    host,
    helper,
    sink: writer,
    job,
    compression: defaultCompression,
    workFolder,
    journal,
    async findSwitchImage() {
      if (host.kind !== 'docker') return null
      const can = (tools: { readonly socketClient: unknown }): boolean =>
        tools.socketClient !== null
      const prefer = helper === null ? [] : [helper.image]
      return findHelperImage(host, { cacheFolder: deps.paths.cache, prefer }, can, can)
    },
  })
}

async function commit(
  run: Run,
  writer: SnapshotWriter,
  result: CaptureResult<ArtifactRecord>,
): Promise<BackupReport> {
  const { deps, job, detected, repository } = run
  const failed = result.items.filter(each => each.outcome === 'failed')
  if (failed.length === result.items.length) {
    throw new CaptureFailure(failed[0]?.error, result.quiesce)
  }
  job.phase('store', 'Finishing the snapshot')
  // The last moment at which it can still be undone.
  job.signal.throwIfAborted()
  const manifest = makeManifest({
    id: writer.id,
    repositoryId: repository.id,
    origin: run.origin,
    inventory: detected.inventory,
    plan: run.plan,
    result,
    startedAt: run.startedAt,
    finishedAt: deps.clock.now(),
    version: deps.version,
  })
  await writer.commit(manifest, guideFor(manifest, helperImageOf(detected)))
  job.phase('done', 'Done')
  return reportOf(manifest, result)
}

/** By its tag where it has one: on another host the same image has another id. */
function helperImageOf({ helper, inventory }: DetectedStack): string | null {
  if (helper === null) return null
  return inventory.images.find(each => each.id === helper.image)?.tags[0] ?? helper.image
}

/** The error of a run that leaves no snapshot, with what was touched. */
function explain(
  { job, detected }: Run,
  error: unknown,
  quiesce: QuiesceReport | null,
  abandoned: boolean,
): AppError {
  const reason: unknown =
    job.signal.aborted && !isAboutAbort(error) ? (job.signal.reason as unknown) : error
  const { code, message, hint, details } = toWire(reason)
  const services = quiesce?.services ?? []
  const problems = quiesce?.problems ?? []
  const touched = services.map(each => each.service)
  const state = [
    touched.length === 0
      ? NOTHING_CHANGED
      : problems.length > 0
        ? problems.join(' ')
        : `${[...new Set(touched)].join(', ')} ${touched.length === 1 ? 'was' : 'were'} quiet for ${seconds(quiesce?.downtimeMs ?? 0)} and ${touched.length === 1 ? 'runs' : 'run'} again.`,
    abandoned
      ? 'The unfinished snapshot was removed; earlier ones are untouched.'
      : 'The unfinished snapshot could not be removed now; it is not listed, and the next backup removes it.',
  ].join(' ')
  return new AppError(
    code,
    {
      message,
      state,
      hint:
        problems.length > 0
          ? `Start what is down (docker start …), or run lifeboat again: it tries to bring ${detected.inventory.stack.name} back first. ${hint}`
          : hint,
      ...(details === undefined ? {} : { details }),
    },
    reason,
  )
}

function seconds(milliseconds: number): string {
  return milliseconds < 950 ? 'less than a second' : `${Math.round(milliseconds / 1000)} s`
}
