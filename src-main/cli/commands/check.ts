import type { CheckReport } from '../../contract/model.ts'
import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { plural } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import type { Style } from '../output/style.ts'
import type { RegisterCommand } from './command.ts'

interface CheckFlags {
  readonly all?: boolean
  readonly readData?: boolean
}

export const registerCheck: RegisterCommand = (program, run) => {
  program
    .command('check')
    .argument('[snapshot]', 'id, a unique end of one, or a stack for its newest')
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
          throw new AppError('usage', {
            message: 'Say either one snapshot or --all.',
            state: NOTHING_CHANGED,
            hint: 'lifeboat check SNAPSHOT, or lifeboat check --all.',
          })
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
        const document =
          snapshot === undefined
            ? { schemaVersion: 1, outcome: good ? 'ok' : 'failed', checks: result.reports }
            : { schemaVersion: 1, ...result.reports[0] }
        if (terminal.options.jsonStream) terminal.jsonLine({ type: 'result', ...document })
        else if (terminal.options.json) terminal.json(document)
        else terminal.out(checkText(result.reports, terminal.outStyle))
        return good ? 0 : 15
      }),
    )
}

/** Check reports for a person: what was compared, and each thing that differs. */
export function checkText(reports: readonly CheckReport[], style: Style): string {
  if (reports.length === 0) return 'There is no snapshot to check.'
  return reports
    .map(report => {
      const rows = report.items.flatMap(item => item.checks.map(check => ({ item: item.id, check })))
      const bad = rows.filter(row => !row.check.ok)
      const what = report.readData ? 'every byte read' : 'structure only; --read-data reads every byte'
      const head =
        report.outcome === 'ok'
          ? style.good(`✓ ${safeText(report.snapshot)}: ${plural(rows.length, 'comparison')} equal (${what})`)
          : style.bad(`✗ ${safeText(report.snapshot)}: ${String(bad.length)} of ${plural(rows.length, 'comparison')} differ (${what})`)
      const lines = bad.map(
        row =>
          `    ${safeText(row.item)} — ${safeText(row.check.name)}: expected ${safeText(row.check.expected)}, found ${safeText(row.check.actual)}`,
      )
      return [head, ...lines].join('\n')
    })
    .join('\n')
}
