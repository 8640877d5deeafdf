import type { JobSummary } from '../../contract/model.ts'
import { formatDuration, formatTime } from '../output/format.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import { type RegisterCommand, wholeNumber } from './command.ts'

export const registerAudit: RegisterCommand = (program, run) => {
  program
    .command('audit')
    .option('--limit <number>', 'at most so many attempts', wholeNumber, 50)
    .summary('every attempt, newest first, also the failed ones')
    .addHelpText('before', 'Examples:\n  lifeboat audit\n  lifeboat audit --limit 500 --json\n')
    .action((flags: { readonly limit: number }) =>
      run(async ({ client: open, terminal }) => {
        const client = await open()
        const runs = await client.call('run.list', { limit: Math.min(flags.limit, 10_000) })
        terminal.result({ runs }, () => auditText(runs, terminal.look))
        return 0
      }),
    )
}

/** Attempts for a person. */
export function auditText(runs: readonly JobSummary[], look: TableLook): string {
  if (runs.length === 0) return 'Nothing was attempted yet.'
  const { style } = look
  const marks = {
    complete: style.good,
    running: style.dim,
    cancelled: style.warn,
    partial: style.bad,
    failed: style.bad,
  }
  const rows = runs.map((run): Cell[] => [
    formatTime(run.startedAt),
    run.kind,
    run.stack ?? '',
    { text: run.state === 'partial' ? 'PARTIAL' : run.state, mark: marks[run.state] },
    run.finishedAt === null
      ? ''
      : formatDuration(Date.parse(run.finishedAt) - Date.parse(run.startedAt)),
    run.error?.message ?? '',
  ])
  return table(
    [
      { title: 'TIME' },
      { title: 'WHAT' },
      { title: 'STACK' },
      { title: 'OUTCOME' },
      { title: 'TOOK', align: 'right' },
      { title: '' },
    ],
    rows,
    look,
  )
}
