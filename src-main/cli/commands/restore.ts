import {
  AppError,
  type ErrorCode,
  exitCodes,
  NOTHING_CHANGED,
  toWire,
} from '../../contract/errors.ts'
import type { RestorePlan, RestoreReport, WireBlocker } from '../../contract/model.ts'
import { errorText } from '../output/error-text.ts'
import { formatDuration, formatTime, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import { shellWord } from '../output/shell-word.ts'
import type { Style } from '../output/style.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import { errorOf, type FinishedJob, type Session } from '../session.ts'
import { usageError } from '../usage-error.ts'
import { collect, notEmpty, type RegisterCommand } from './command.ts'

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
    .argument('<snapshot>', 'id, a unique end of one, or a stack for its newest', notEmpty)
    .option('--only <item>', 'only this item of the snapshot; may be given more than once', collect)
    .option('--in-place', 'replace what is there now (a safety snapshot is taken first)')
    .option('--confirm <stack>', "the stack's name, letter by letter")
    .option('--yes', 'no questions; not enough for a restore in place, which needs --confirm')
    .option('--dry-run', 'show the plan and change nothing; fails as the restore itself would')
    .summary('bring a stack back')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat restore nextcloud --dry-run\n  lifeboat restore nextcloud --in-place --confirm nextcloud\n  lifeboat restore nextcloud --only database:db/nextcloud --in-place --confirm nextcloud\n',
    )
    .action((snapshot: string, flags: RestoreFlags) =>
      run(session => restore(session, snapshot, flags)),
    )

  program
    .command('undo')
    .argument('[restore]', 'id of the restore; the newest one when left out', notEmpty)
    .option('--confirm <stack>', "the stack's name, letter by letter")
    .option('--dry-run', 'show the plan and change nothing')
    .summary('back to how things were before a restore, for 7 days')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat undo --dry-run\n  lifeboat undo --confirm nextcloud\n',
    )
    .action((id: string | undefined, flags: RestoreFlags) =>
      run(session => undo(session, id, flags)),
    )
}

async function restore(session: Session, snapshot: string, flags: RestoreFlags): Promise<number> {
  const { terminal } = session
  const { repo, host, hostGiven } = terminal.options
  const asked = {
    repository: repo,
    snapshot,
    only: flags.only === undefined ? undefined : [...flags.only],
    host: hostGiven ? host : undefined,
  }
  if (flags.dryRun !== true && flags.inPlace !== true) {
    throw usageError(
      'lifeboat restore must be told where to restore to.',
      'Look first: --dry-run. Then: --in-place --confirm STACK, which takes a safety snapshot before.',
    )
  }
  terminal.say(`Comparing ${safeText(snapshot)} with what is there now …`)
  const client = await session.client()
  if (flags.dryRun === true) return showPlan(session, await client.call('restore.plan', asked))
  const confirm =
    flags.confirm ?? (await askName(session, await client.call('restore.plan', asked), flags))
  return finish(
    session,
    await session.runJob(each => each.call('restore.start', { ...asked, confirm })),
  )
}

async function undo(
  session: Session,
  id: string | undefined,
  flags: RestoreFlags,
): Promise<number> {
  const { terminal } = session
  terminal.say('Looking at what was there before the restore …')
  const client = await session.client()
  if (flags.dryRun === true) {
    return showPlan(session, await client.call('undo.plan', { restore: id }))
  }
  const confirm =
    flags.confirm ??
    (await askName(session, await client.call('undo.plan', { restore: id }), flags))
  return finish(
    session,
    await session.runJob(each => each.call('undo.start', { restore: id, confirm })),
  )
}

/** The name as the user types it; whether it is right is the engine's decision alone. */
async function askName(session: Session, plan: RestorePlan, flags: RestoreFlags): Promise<string> {
  const { terminal } = session
  const flag = `--confirm ${shellWord(plan.stack)}`
  if (flags.yes === true) {
    throw new AppError('confirmation-needed', {
      message: '--yes is not enough to replace a stack: its name must be given.',
      state: NOTHING_CHANGED,
      hint: `Pass ${flag}.`,
    })
  }
  if (plan.blockers.length > 0) {
    const [first] = plan.blockers
    throw new AppError(codeOf(first), {
      message: first?.message ?? 'This restore cannot start.',
      state: NOTHING_CHANGED,
      hint: first?.hint ?? 'lifeboat restore SNAPSHOT --dry-run shows why.',
      details: plan.blockers.map(each => each.message).join('\n'),
    })
  }
  const { json, jsonStream } = terminal.options
  const look = { ...terminal.look, style: terminal.errStyle }
  if (!json && !jsonStream) terminal.warn(restorePlanText(plan, look))
  return terminal.ask(
    `Type the stack’s name to replace what is there now (${safeText(plan.stack)}): `,
    flag,
  )
}

function showPlan({ terminal }: Session, plan: RestorePlan): number {
  terminal.result(plan, () => restorePlanText(plan, terminal.look))
  const [first] = plan.blockers
  return first === undefined ? 0 : exitCodes[codeOf(first)]
}

/** The error that the restore itself would end with, so that a plan has its exit code. */
function codeOf(blocker: WireBlocker | undefined): ErrorCode {
  const code = blocker?.code ?? 'failed'
  return Object.hasOwn(exitCodes, code) ? (code as ErrorCode) : 'restore-failed'
}

function finish({ terminal }: Session, { job, result }: FinishedJob): number {
  if (result.kind !== 'restore') return 1
  const { report } = result
  const error = errorOf(job)
  if (error !== null) terminal.warn(errorText(toWire(error), terminal.errStyle, false))
  terminal.result({ ...report, error: error === null ? null : toWire(error) }, () =>
    restoreReportText(report, terminal.look),
  )
  const codes = { complete: 0, partial: 3, failed: 1 }
  return error === null ? codes[report.outcome] : error.exitCode
}

/** A restore plan for a person: the difference, the steps, what stands in the way. */
export function restorePlanText(plan: RestorePlan, look: TableLook): string {
  const { style, width } = look
  const differences = plan.differences.flatMap(each => [
    style.bold(safeText(each.item)),
    hanging('  now       ', mark(safeText(each.now), each.replaces, style), width),
    hanging('  snapshot  ', safeText(each.snapshot), width),
  ])
  const steps = plan.steps.map(step => {
    const first = `${step.changes ? style.warn('*') : ' '}${String(step.order).padStart(3)}  `
    return hanging(first, safeText(step.detail), width)
  })
  const left = plan.notRestored.map(each =>
    style.dim(
      hanging('  ', `not restored: ${safeText(each.item)} — ${safeText(each.reason)}`, width),
    ),
  )
  const blockers = plan.blockers.flatMap(each => [
    style.bad(hanging('✗ ', safeText(each.message), width)),
    hanging('  ', safeText(each.hint), width),
  ])
  return [
    style.bold(`Restore of ${safeText(plan.stack)} on ${safeText(plan.host)}`),
    `from snapshot ${safeText(plan.snapshot)}`,
    '',
    ...differences,
    '',
    ...steps,
    ...left,
    ...plan.warnings.map(warning => style.warn(hanging('! ', safeText(warning), width))),
    ...blockers,
    '',
    style.dim(
      plan.blockers.length === 0
        ? '* changes what is there now. Nothing has been changed yet.'
        : 'This restore cannot start before the above is solved. Nothing has been changed.',
    ),
  ].join('\n')
}

function mark(text: string, replaces: boolean, style: Style): string {
  return replaces ? style.warn(`${text} (will be replaced)`) : text
}

/** What a restore did, for a person. */
export function restoreReportText(report: RestoreReport, look: TableLook): string {
  const { style, width } = look
  const rows = report.items.map((item): Cell[] => {
    const equal = item.checks.filter(check => check.ok).length
    return [
      item.outcome === 'restored'
        ? { text: '✓', mark: style.good }
        : { text: '✗', mark: style.bad },
      item.id,
      item.outcome,
      item.error ?? plural(equal, 'comparison equal', 'comparisons equal'),
    ]
  })
  const undo = `lifeboat undo ${shellWord(safeText(report.restore))} --confirm ${shellWord(safeText(report.stack))}`
  return [
    table([{ title: ' ' }, { title: 'ITEM' }, { title: 'OUTCOME' }, { title: '' }], rows, look),
    ...report.warnings.map(warning => style.warn(hanging('! ', safeText(warning), width))),
    restoreEnd(report, look),
    ...(report.undoUntil === null
      ? []
      : [`Undo until ${formatTime(report.undoUntil)}:`, `  ${undo}`]),
    style.dim(`Took ${formatDuration(report.durationMs)}.`),
  ].join('\n')
}

function restoreEnd(report: RestoreReport, { style, width }: TableLook): string {
  const { health, outcome, rolledBack } = report
  if (rolledBack) {
    const text = 'The restore did not work and was rolled back: everything is as it was before.'
    return style.bad(hanging('✗ ', text, width))
  }
  return outcome === 'complete'
    ? style.good(hanging('✓ ', `Everything came back. ${safeText(health.detail)}`, width))
    : style.bad(hanging('✗ ', `Not everything came back. ${safeText(health.detail)}`, width))
}
