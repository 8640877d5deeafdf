import type { BackupPlan, BackupReport } from '../../contract/model.ts'
import { formatBytes, formatDuration, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import type { Session } from '../session.ts'
import { collect, notEmpty, type RegisterCommand } from './command.ts'

interface BackupFlags {
  readonly only?: readonly string[]
  readonly dryRun?: boolean
}

export const registerBackup: RegisterCommand = (program, run) => {
  program
    .command('plan')
    .argument('<stack>', 'name of the stack', notEmpty)
    .option('--only <item>', 'only this item of the ledger; may be given more than once', collect)
    .summary('what a backup would do, stop and leave out; changes nothing')
    .addHelpText('before', 'Example:\n  lifeboat plan nextcloud\n')
    .action((stack: string, flags: BackupFlags) => run(session => showPlan(session, stack, flags)))

  program
    .command('backup')
    .argument('<stack>', 'name of the stack', notEmpty)
    .option('--only <item>', 'only this item of the ledger; may be given more than once', collect)
    .option('--dry-run', 'show the plan and change nothing')
    .summary('back up a stack as a whole, and prove what was stored')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat backup nextcloud\n  lifeboat backup nextcloud --only database:db/nextcloud\n',
    )
    .action((stack: string, flags: BackupFlags) =>
      run(session =>
        flags.dryRun === true ? showPlan(session, stack, flags) : backUp(session, stack, flags),
      ),
    )
}

async function showPlan(session: Session, stack: string, flags: BackupFlags): Promise<number> {
  const { terminal } = session
  terminal.say(`Looking at ${safeText(stack)} on ${safeText(terminal.options.host)} …`)
  const client = await session.client()
  const plan = await client.call('backup.plan', {
    host: terminal.options.host,
    stack,
    only: flags.only === undefined ? undefined : [...flags.only],
    repository: terminal.options.repo,
  })
  terminal.result(plan, () => planText(plan, terminal.look))
  return 0
}

async function backUp(session: Session, stack: string, flags: BackupFlags): Promise<number> {
  const { terminal } = session
  terminal.say(`Backing up ${safeText(stack)} on ${safeText(terminal.options.host)} …`)
  const { result } = await session.runJob(client =>
    client.call('backup.start', {
      host: terminal.options.host,
      stack,
      only: flags.only === undefined ? undefined : [...flags.only],
      repository: terminal.options.repo,
    }),
  )
  if (result.kind !== 'backup') return 1
  const { report } = result
  terminal.result(report, () => reportText(report, terminal.look))
  return report.outcome === 'complete' ? 0 : report.outcome === 'partial' ? 3 : 1
}

/** A backup plan for a person. */
export function planText(plan: BackupPlan, look: TableLook): string {
  const { style, width } = look
  const steps = plan.steps.map(step => {
    const size = step.estimatedBytes === null ? '' : ` (about ${formatBytes(step.estimatedBytes)})`
    const mark = step.stops ? style.warn('‖') : ' '
    const first = `${mark}${String(step.order).padStart(3)}  `
    return hanging(first, `${safeText(step.detail)}${size}`, width)
  })
  const downtime = plan.downtime.map(each => {
    const first = each.how === 'stop' ? 'Stopped for a moment: ' : 'Paused for a moment: '
    const grace =
      each.graceMs === 0 ? '' : `; stopping may take up to ${formatDuration(each.graceMs)}`
    const text = `${safeText(each.service)} — ${safeText(each.reason)}${grace}`
    return hanging('  ', first + text, width)
  })
  const excluded = plan.excluded.map(each =>
    hanging('  ', `${safeText(each.item)} — ${safeText(each.reason)}`, width),
  )
  const destination = `About ${formatBytes(plan.estimatedBytes)} to read. Goes to ${safeText(plan.repository)}`
  return [
    style.bold(`Plan for ${safeText(plan.stack)} on ${safeText(plan.host)}`),
    ...steps,
    '',
    ...(downtime.length === 0
      ? ['No service is stopped or paused.']
      : [style.bold('‖ Not available meanwhile'), ...downtime]),
    ...(excluded.length === 0 ? [] : ['', style.bold('Left out'), ...excluded]),
    ...plan.warnings.map(warning => style.warn(hanging('! ', safeText(warning), width))),
    '',
    hanging('', destination, width),
    style.dim(`Plan ${plan.planId}. Nothing has been changed.`),
  ].join('\n')
}

/** What a backup did, for a person. */
export function reportText(report: BackupReport, look: TableLook): string {
  const { style, width } = look
  const rows = report.items.map((item): Cell[] => [
    item.outcome === 'complete' ? { text: '✓', mark: style.good } : { text: '✗', mark: style.bad },
    item.id,
    formatBytes(item.bytesIn),
    formatBytes(item.bytesStored),
    item.consistency,
  ])
  const remarks = report.items.flatMap(({ id, error, warnings }) => [
    ...(error === null ? [] : [style.bad(hanging('✗ ', safeText(`${id}: ${error}`), width))]),
    ...warnings.map(text => style.warn(hanging('! ', safeText(`${id}: ${text}`), width))),
  ])
  const good = report.items.filter(item => item.outcome === 'complete').length
  return [
    table(
      [
        { title: ' ' },
        { title: 'ITEM' },
        { title: 'READ', align: 'right' },
        { title: 'STORED', align: 'right' },
        { title: 'CONSISTENCY' },
      ],
      rows,
      look,
    ),
    ...remarks,
    ...report.warnings.map(warning => style.warn(hanging('! ', safeText(warning), width))),
    endText(report, good, look),
    `Snapshot ${safeText(report.snapshot)}`,
    style.dim(
      `Took ${formatDuration(report.durationMs)}; services were held for ${formatDuration(report.downtimeMs)}.`,
    ),
  ].join('\n')
}

function endText(report: BackupReport, good: number, { style, width }: TableLook): string {
  const all = report.items.length
  if (report.outcome === 'complete') {
    return style.good(`✓ ${plural(good, 'item')} stored, read back and compared.`)
  }
  const text =
    good < all
      ? `${String(good)} of ${plural(all, 'item')} stored. This snapshot is PARTIAL: it does not hold the whole stack.`
      : `${plural(good, 'item')} stored, but the stack is not as it was before; see above.`
  return style.bad(hanging('✗ ', text, width))
}
