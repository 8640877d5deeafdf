import type { Client } from '../../contract/contract.ts'
import { AppError } from '../../contract/errors.ts'
import type { BackupReport, CheckReport, RestoreReport } from '../../contract/model.ts'
import { formatBytes, formatDuration, formatTime, plural } from '../output/format.ts'
import { type ProgressView, silentProgress } from '../output/progress-line.ts'
import { shellWord } from '../output/shell-word.ts'
import { errorOf, type FinishedJob, type Session } from '../session.ts'
import { compareFacts, type Comparison } from './facts.ts'
import type { DemoPage } from './page.ts'
import type { Sample } from './sample.ts'

/** What the demo did and found; the document of `lifeboat demo --json`. */
export interface DemoReport {
  readonly outcome: 'ok' | 'failed'
  readonly sample: 'docker' | 'folder'
  readonly host: string
  readonly stack: string
  readonly snapshot: string
  readonly safetySnapshot: string | null
  readonly steps: readonly { readonly name: StepName; readonly durationMs: number }[]
  readonly facts: Comparison
  /** Folder with everything that was left, with `--keep`. */
  readonly kept: string | null
  readonly durationMs: number
}

export type StepName = 'find' | 'plan' | 'backup' | 'check' | 'damage' | 'restore' | 'compare'

/** What the steps share. */
export interface Stage {
  readonly session: Session
  readonly sample: Sample
  readonly page: DemoPage
  readonly signal: AbortSignal
}

type Found = Pick<DemoReport, 'snapshot' | 'safetySnapshot' | 'steps' | 'facts'>

/** The whole job on a sample, step by step, with the requests that any user of the engine has. */
export async function runDemo(stage: Stage): Promise<Found> {
  const { session, sample, page, signal } = stage
  const steps: { name: StepName; durationMs: number }[] = []
  const host = sample.host === 'local' ? '' : ` --host ${shellWord(sample.host)}`

  async function step<T>(
    name: StepName,
    title: string,
    command: string | null,
    work: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    page.step(steps.length + 1, title, command)
    const start = performance.now()
    const result = await work()
    steps.push({ name, durationMs: Math.round(performance.now() - start) })
    return result
  }

  const client = await session.client()
  await step('find', 'Find', `stacks ${sample.stack}${host}`, () => find(stage, client))
  await step('plan', 'Plan', `plan ${sample.stack}${host}`, () => plan(stage, client))
  const before = await sample.describe()
  const { snapshot } = await step('backup', 'Back up', `backup ${sample.stack}${host}`, () =>
    backUp(stage),
  )
  await step('check', 'Prove it', `check ${sample.stack} --read-data`, () => check(stage, snapshot))
  await step('damage', 'Lose it', null, async () => {
    const losses = await sample.damage()
    const { differences, total } = compareFacts(before, await sample.describe())
    page.losses([...losses, `${String(differences.length)} of ${String(total)} facts are gone`])
  })
  const name = shellWord(sample.stack)
  const restored = await step(
    'restore',
    'Get it back',
    `restore ${name} --in-place --confirm ${name}`,
    () => restore(stage, client, snapshot),
  )
  const facts = await step('compare', 'Compare', null, async () => {
    const compared = compareFacts(before, await sample.describe())
    page.compared(compared, before)
    return compared
  })
  return { snapshot, safetySnapshot: restored.safetySnapshot, steps, facts }
}

async function find({ sample, page }: Stage, client: Client): Promise<void> {
  const stack = await client.call('stack.get', { host: sample.host, stack: sample.stack })
  page.ledger(stack.items)
  const covered = `${plural(stack.items.length, 'piece')} of data found, nothing unaccounted for`
  if (stack.coverage === 'covered') page.good(covered)
  else page.note(`Coverage: ${stack.coverage}.`)
}

async function plan({ sample, page }: Stage, client: Client): Promise<void> {
  const planned = await client.call('backup.plan', { host: sample.host, stack: sample.stack })
  page.list(planned.steps.map(each => ({ text: each.detail, marked: each.stops })))
  const held = planned.downtime.map(each => each.service)
  page.good(
    held.length === 0
      ? 'nothing is stopped; nothing has been changed yet'
      : `held for a moment: ${held.join(', ')}; nothing has been changed yet`,
  )
}

async function backUp(stage: Stage): Promise<BackupReport> {
  const { page, sample, session } = stage
  const { result } = await session.runJob(
    client => client.call('backup.start', { host: sample.host, stack: sample.stack }),
    progressOf(stage),
  )
  const report = expectKind(result, 'backup').report
  page.stored(report)
  if (report.outcome !== 'complete') {
    const lost = report.items.flatMap(({ id, error }) => (error === null ? [] : `${id}: ${error}`))
    throw failure('The backup is not complete.', [...lost, ...report.warnings])
  }
  const stored = report.items.reduce((sum, each) => sum + each.bytesStored, 0)
  page.good(
    `${plural(report.items.length, 'item')} stored (${formatBytes(stored)}), read back and compared, in ${formatDuration(report.durationMs)}`,
  )
  return report
}

async function check(stage: Stage, snapshot: string): Promise<CheckReport | undefined> {
  const { page, session } = stage
  const { result } = await session.runJob(
    client => client.call('check.start', { snapshots: [snapshot], readData: true }),
    progressOf(stage),
  )
  const [report] = expectKind(result, 'check').reports
  const rows = report?.items.flatMap(item => item.checks) ?? []
  const wrong = rows.filter(row => !row.ok)
  if (report?.outcome !== 'ok' || rows.length === 0) {
    throw failure(
      'The snapshot did not pass its check.',
      wrong.map(row => `${row.name}: expected ${row.expected}, found ${row.actual}`),
    )
  }
  page.good(`every byte read again: ${plural(rows.length, 'comparison')} equal`)
  return report
}

async function restore(stage: Stage, client: Client, snapshot: string): Promise<RestoreReport> {
  const { page, sample, session } = stage
  const planned = await client.call('restore.plan', { snapshot, host: sample.host })
  page.differences(planned.differences)
  const finished = await session.runJob(
    each => each.call('restore.start', { snapshot, host: sample.host, confirm: sample.stack }),
    progressOf(stage),
  )
  const { report } = expectKind(finished.result, 'restore')
  const error = errorOf(finished.job)
  if (error !== null) throw error
  if (report.outcome !== 'complete') {
    const lost = report.items.flatMap(({ id, error }) => (error === null ? [] : `${id}: ${error}`))
    throw failure('The restore is not complete.', [
      ...lost,
      report.health.detail,
      ...report.warnings,
    ])
  }
  page.good(
    `safety snapshot taken first; undo is there until ${formatTime(report.undoUntil ?? '')}`,
  )
  page.good(`restored in ${formatDuration(report.durationMs)}: ${report.health.detail}`)
  return report
}

/** The line of progress is for a person who watches; a log shows the results alone. */
function progressOf({ session }: Stage): ProgressView {
  const { terminal } = session
  return terminal.isWatched ? terminal.progressView() : silentProgress
}

type Result = FinishedJob['result']

function expectKind<K extends Result['kind']>(
  result: Result,
  kind: K,
): Extract<Result, { kind: K }> {
  if (result.kind !== kind) throw new Error(`a job of kind ${kind} ended as ${result.kind}`)
  return result as Extract<Result, { kind: K }>
}

function failure(message: string, details: readonly string[]): AppError {
  return new AppError('check-failed', {
    message,
    state: 'Only the sample of the demo is concerned; it is removed.',
    hint: 'Run lifeboat demo --keep and look at what it left, or lifeboat demo --debug.',
    details: details.join('\n'),
  })
}
