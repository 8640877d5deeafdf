import type { CheckReport } from '../../contract/model.ts'
import { plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import type { TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import { usageError } from '../usage-error.ts'
import { notEmpty, type RegisterCommand } from './command.ts'

interface CheckFlags {
  readonly all?: boolean
  readonly readData?: boolean
}

export const registerCheck: RegisterCommand = (program, run) => {
  program
    .command('check')
    .argument('[snapshot]', 'id, a unique end of one, or a stack for its newest', notEmpty)
    .option('--all', 'every snapshot of the repository')
    .option('--read-data', 'read every byte again, not the structure alone')
    .summary('verify snapshots without restoring them')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat check nextcloud --read-data\n  lifeboat check --all\n',
    )
    .action((snapshot: string | undefined, flags: CheckFlags) =>
      run(async session => {
        const { terminal } = session
        if ((snapshot === undefined) === (flags.all !== true)) {
          throw usageError(
            'lifeboat check takes either one snapshot or --all.',
            'lifeboat check STACK for the newest of a stack, or lifeboat check --all.',
          )
        }
        const { result } = await session.runJob(client =>
          client.call('check.start', {
            repository: terminal.options.repo,
            snapshots: snapshot === undefined ? undefined : [snapshot],
            readData: flags.readData === true,
          }),
        )
        if (result.kind !== 'check') return 1
        const good = result.reports.every(report => report.outcome === 'ok')
        const [only] = result.reports
        const document =
          snapshot !== undefined && only !== undefined
            ? only
            : { outcome: good ? 'ok' : 'failed', checks: result.reports }
        terminal.result(document, () => checkText(result.reports, terminal.look))
        return good ? 0 : 15
      }),
    )
}

/** Check reports for a person: what was compared, and each thing that differs. */
export function checkText(reports: readonly CheckReport[], look: TableLook): string {
  if (reports.length === 0) return 'There is no snapshot to check.'
  return reports.map(report => oneText(report, look)).join('\n')
}

function oneText(report: CheckReport, { style, width }: TableLook): string {
  const rows = report.items.flatMap(item => item.checks.map(check => ({ item: item.id, check })))
  const bad = rows.filter(row => !row.check.ok)
  const what = report.readData
    ? 'every byte was read'
    : 'structure only; --read-data reads every byte'
  const all = plural(rows.length, 'comparison')
  const snapshot = safeText(report.snapshot)
  if (report.outcome === 'ok') {
    return style.good(hanging('✓ ', `${snapshot}: ${all} equal (${what})`, width))
  }
  const head = `${snapshot}: ${String(bad.length)} of ${all} differ (${what})`
  const lines = bad.map(({ item, check }) => {
    const found = `expected ${safeText(check.expected)}, found ${safeText(check.actual)}`
    return hanging('    ', `${safeText(item)} — ${safeText(check.name)}: ${found}`, width)
  })
  return [style.bad(hanging('✗ ', head, width)), ...lines].join('\n')
}
