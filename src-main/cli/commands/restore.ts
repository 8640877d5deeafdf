import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { RestorePlan, RestoreReport } from '../../contract/model.ts'
import { formatDuration, formatTime, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import type { Style } from '../output/style.ts'
import { type Cell, table } from '../output/table.ts'
import type { FinishedJob, Session } from '../session.ts'
import { collect, type RegisterCommand } from './command.ts'

interface RestoreFlags {
  readonly only?: readonly string[]
  readonly inPlace?: boolean
  readonly confirm?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

export const registerRestore: RegisterCommand = (program, run) => {
  program
    .command('restore')
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest')
    .option('--only <item>', 'only this item of the snapshot; may be given more than once', collect)
    .option('--in-place', 'replace what is there now (a safety snapshot is taken first)')
    .option('--confirm <stack>', "the stack's name, letter by letter")
    .option('--yes', 'no questions; not enough for a restore in place, which needs --confirm')
    .option('--dry-run', 'show the plan and change nothing')
    .summary('bring a stack back')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat restore nextcloud --dry-run\n  lifeboat restore nextcloud --in-place --confirm nextcloud\n  lifeboat restore nextcloud --only database:db/nextcloud --in-place --confirm nextcloud\n',
    )
    .action((snapshot: string, flags: RestoreFlags) => run(session => restore(session, snapshot, flags)))

  program
    .command('undo')
    .argument('[restore]', 'id of the restore; the newest one when left out')
    .option('--confirm <stack>', "the stack's name, letter by letter")
    .option('--dry-run', 'show the plan and change nothing')
    .summary('back to how things were before a restore, for 7 days')
    .addHelpText('before', 'Examples:\n  lifeboat undo --dry-run\n  lifeboat undo --confirm nextcloud\n')
    .action((id: string | undefined, flags: RestoreFlags) => run(session => undo(session, id, flags)))
}

async function restore(session: Session, snapshot: string, flags: RestoreFlags): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const asked = {
    repository: terminal.options.repo,
    snapshot,
    only: flags.only === undefined ? undefined : [...flags.only],
    host: terminal.options.hostGiven ? terminal.options.host : undefined,
  }
  if (flags.dryRun === true) {
    return showPlan(session, await client.call('restore.plan', asked))
  }
  if (flags.inPlace !== true) {
    throw new AppError('usage', {
      message: 'Say where the snapshot shall be restored to.',
      state: NOTHING_CHANGED,
      hint: 'lifeboat restore SNAPSHOT --in-place --confirm STACK; look at --dry-run first.',
    })
  }
  const plan = await client.call('restore.plan', asked)
  const confirm = await confirmation(session, plan, flags)
  return finish(session, await session.runJob(each => each.call('restore.start', { ...asked, confirm })))
}

async function undo(session: Session, id: string | undefined, flags: RestoreFlags): Promise<number> {
  const { terminal } = session
  const client = await session.client()
  const plan = await client.call('undo.plan', { restore: id })
  if (flags.dryRun === true) return showPlan(session, plan)
  terminal.say(`This undoes a restore of ${safeText(plan.stack)}.`)
  const confirm = await confirmation(session, plan, flags)
  return finish(session, await session.runJob(each => each.call('undo.start', { restore: id, confirm })))
}

/** The name as the user typed it; whether it is right is the engine's decision alone. */
async function confirmation(
  session: Session,
  plan: RestorePlan,
  flags: RestoreFlags,
): Promise<string> {
  if (flags.confirm !== undefined) return flags.confirm
  const { terminal } = session
  if (flags.yes === true) {
    throw new AppError('confirmation-needed', {
      message: '--yes is not enough to replace a stack.',
      state: NOTHING_CHANGED,
      hint: `Pass --confirm ${plan.stack}.`,
    })
  }
  if (!terminal.options.json) terminal.warn(restorePlanText(plan, terminal.errStyle))
  return terminal.ask(
    `Type the name of the stack to restore it in place (${safeText(plan.stack)}): `,
    `--confirm ${plan.stack}`,
  )
}

function showPlan(session: Session, plan: RestorePlan): number {
  const { terminal } = session
  if (terminal.options.json) terminal.json({ schemaVersion: 1, ...plan })
  else terminal.out(restorePlanText(plan, terminal.outStyle))
  return 0
}

function finish(session: Session, finished: FinishedJob): number {
  const { terminal } = session
  if (finished.result.kind !== 'restore') return 1
  const { report } = finished.result
  if (terminal.options.jsonStream) terminal.jsonLine({ type: 'result', schemaVersion: 1, ...report })
  else if (terminal.options.json) terminal.json({ schemaVersion: 1, ...report })
  else terminal.out(restoreReportText(report, terminal.outStyle))
  return report.outcome === 'complete' ? 0 : report.outcome === 'partial' ? 3 : 1
}

/** A restore plan for a person: the difference, the steps, what stands in the way. */
export function restorePlanText(plan: RestorePlan, style: Style): string {
  const differences = table(
    [{ title: 'ITEM' }, { title: 'NOW' }, { title: 'IN THE SNAPSHOT' }],
    plan.differences.map((each): Cell[] => [
      each.item,
      each.replaces ? { text: each.now, mark: style.warn } : each.now,
      each.snapshot,
    ]),
    style.bold,
  )
  return [
    style.bold(`Restore of ${safeText(plan.stack)} on ${safeText(plan.host)}`),
    `from snapshot ${safeText(plan.snapshot)}`,
    '',
    differences,
    '',
    ...plan.steps.map(
      step =>
        `${step.changes ? style.warn('*') : ' '}${String(step.order).padStart(3)}  ${safeText(step.detail)}`,
    ),
    ...plan.notRestored.map(each => style.dim(`  not restored: ${safeText(each.item)} — ${safeText(each.reason)}`)),
    ...plan.warnings.map(warning => style.warn(`! ${safeText(warning)}`)),
    ...plan.blockers.map(
      blocker => `${style.bad(`✗ ${safeText(blocker.message)}`)}\n  ${safeText(blocker.hint)}`,
    ),
    '',
    style.dim(
      plan.blockers.length === 0
        ? '* changes what is there now. Nothing has been changed yet.'
        : 'This restore cannot start before the above is solved. Nothing has been changed.',
    ),
  ].join('\n')
}

/** What a restore did, for a person. */
export function restoreReportText(report: RestoreReport, style: Style): string {
  const rows = report.items.map((item): Cell[] => [
    item.outcome === 'restored'
      ? { text: '✓', mark: style.good }
      : { text: '✗', mark: style.bad },
    item.id,
    item.outcome,
    item.error ?? plural(item.checks.filter(check => check.ok).length, 'comparison equal', 'comparisons equal'),
  ])
  const end = report.rolledBack
    ? style.bad('✗ The restore did not work and was rolled back: everything is as it was before.')
    : report.outcome === 'complete'
      ? style.good(`✓ It works: ${safeText(report.health.detail)}`)
      : style.bad(`✗ Not everything came back. ${safeText(report.health.detail)}`)
  return [
    table([{ title: ' ' }, { title: 'ITEM' }, { title: 'OUTCOME' }, { title: '' }], rows, style.bold),
    ...report.warnings.map(warning => style.warn(`! ${safeText(warning)}`)),
    end,
    ...(report.undoUntil === null
      ? []
      : [
          `Undo until ${formatTime(report.undoUntil)}: lifeboat undo ${safeText(report.restore)} --confirm ${safeText(report.stack)}`,
        ]),
    style.dim(`Took ${formatDuration(report.durationMs)}.`),
  ].join('\n')
}
