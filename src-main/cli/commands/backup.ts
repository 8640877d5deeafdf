import type { BackupPlan, BackupReport } from '../../contract/model.ts'
import { formatBytes, formatDuration, plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import type { Style } from '../output/style.ts'
import { type Cell, table } from '../output/table.ts'
import type { Session } from '../session.ts'
import { collect, type RegisterCommand } from './command.ts'

interface BackupFlags {
  readonly only?: readonly string[]
  readonly dryRun?: boolean
}

export const registerBackup: RegisterCommand = (program, run) => {
  program
    .command('plan')
    .argument('<stack>', 'name of the stack')
    .option('--only <item>', 'only this item of the ledger; may be given more than once', collect)
    .summary('what a backup would do, stop and leave out; changes nothing')
    .addHelpText('before', 'Example:\n  lifeboat plan nextcloud\n')
    .action((stack: string, flags: BackupFlags) => run(session => showPlan(session, stack, flags)))

  program
    .command('backup')
    .argument('<stack>', 'name of the stack')
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
  const client = await session.client()
  const plan = await client.call('backup.plan', {
    host: terminal.options.host,
    stack,
    only: flags.only === undefined ? undefined : [...flags.only],
    repository: terminal.options.repo,
  })
  if (terminal.options.json) terminal.json({ schemaVersion: 1, ...plan })
  else terminal.out(planText(plan, terminal.outStyle))
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
  if (terminal.options.jsonStream) terminal.jsonLine({ type: 'result', schemaVersion: 1, ...report })
  else if (terminal.options.json) terminal.json({ schemaVersion: 1, ...report })
  else terminal.out(reportText(report, terminal.outStyle))
  return report.outcome === 'complete' ? 0 : report.outcome === 'partial' ? 3 : 1
}

/** A backup plan for a person. */
export function planText(plan: BackupPlan, style: Style): string {
  const steps = plan.steps.map(step => {
    const size = step.estimatedBytes === null ? '' : style.dim(` (about ${formatBytes(step.estimatedBytes)})`)
    const mark = step.stops ? style.warn('‖') : ' '
    return `${mark}${String(step.order).padStart(3)}  ${safeText(step.detail)}${size}`
  })
  const downtime =
    plan.downtime.length === 0
      ? ['No service is stopped or paused.']
      : plan.downtime.map(each => {
          const grace =
            each.graceMs === 0 ? '' : `; stopping may take up to ${formatDuration(each.graceMs)}`
          return `${each.how === 'stop' ? 'Stopped' : 'Paused'} for a moment: ${safeText(each.service)} — ${safeText(each.reason)}${grace}`
        })
  const excluded =
    plan.excluded.length === 0
      ? []
      : [
          '',
          style.bold('Left out'),
          ...plan.excluded.map(each => `  ${safeText(each.item)} — ${safeText(each.reason)}`),
        ]
  return [
    style.bold(`Plan for ${safeText(plan.stack)} on ${safeText(plan.host)}`),
    ...steps,
    '',
    ...downtime,
    ...excluded,
    ...plan.warnings.map(warning => style.warn(`! ${safeText(warning)}`)),
    '',
    `About ${formatBytes(plan.estimatedBytes)} to read. Goes to ${safeText(plan.repository)}`,
    style.dim(`Plan ${plan.planId}. Nothing has been changed.`),
  ].join('\n')
}

/** What a backup did, for a person. */
export function reportText(report: BackupReport, style: Style): string {
  const rows = report.items.map((item): Cell[] => [
    item.outcome === 'complete'
      ? { text: '✓', mark: style.good }
      : { text: '✗', mark: style.bad },
    item.id,
    formatBytes(item.bytesIn),
    formatBytes(item.bytesStored),
    item.consistency,
    item.error ?? item.warnings.join('; '),
  ])
  const good = report.items.filter(item => item.outcome === 'complete').length
  const end =
    report.outcome === 'complete'
      ? style.good(`✓ ${plural(good, 'item')} stored, read back and compared.`)
      : style.bad(
          `✗ ${String(good)} of ${plural(report.items.length, 'item')} stored. This snapshot is PARTIAL: it does not hold the whole stack.`,
        )
  return [
    table(
      [
        { title: ' ' },
        { title: 'ITEM' },
        { title: 'READ', align: 'right' },
        { title: 'STORED', align: 'right' },
        { title: 'CONSISTENCY' },
        { title: '' },
      ],
      rows,
      style.bold,
    ),
    ...report.warnings.map(warning => style.warn(`! ${safeText(warning)}`)),
    end,
    `Snapshot ${safeText(report.snapshot)}`,
    style.dim(
      `Took ${formatDuration(report.durationMs)}; services were held for ${formatDuration(report.downtimeMs)}.`,
    ),
  ].join('\n')
}
