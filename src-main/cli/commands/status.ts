import type { StackStatus, Status } from '../../contract/reports.ts'
import { formatDuration, formatTime } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import type { Session } from '../session.ts'
import type { RegisterCommand } from './command.ts'

interface StatusFlags {
  readonly check?: boolean
  readonly offline?: boolean
}

export const registerStatus: RegisterCommand = (program, run) => {
  program
    .command('status')
    .option('--check', 'exit code 0 ok, 1 warning, 2 critical: for monitoring')
    .option('--offline', 'do not ask the hosts what is there now')
    .summary('are the promises kept: age, coverage and proof of each stack')
    .addHelpText('before', 'Examples:\n  lifeboat status\n  lifeboat status --check --quiet\n')
    .action((flags: StatusFlags) => run(session => status(session, flags)))
}

async function status(session: Session, flags: StatusFlags): Promise<number> {
  const { terminal } = session
  terminal.say('Looking at snapshots and hosts …')
  const client = await session.client()
  const { repo, host, hostGiven } = terminal.options
  const report = await client.call('status.get', {
    repository: repo,
    host: hostGiven ? host : undefined,
    offline: flags.offline,
  })
  terminal.result(report, () => statusText(report, terminal.look))
  if (flags.check !== true) return 0
  return { ok: 0, warning: 1, critical: 2 }[report.outcome]
}

const marks = { ok: '✓ ok', warning: '! warning', critical: '✗ CRITICAL' } as const

/** The status for a person. */
export function statusText(report: Status, look: TableLook): string {
  const { style, width } = look
  const paint = { ok: style.good, warning: style.warn, critical: style.bad }
  const rows = report.stacks.map((stack): Cell[] => [
    { text: marks[stack.level], mark: paint[stack.level] },
    stack.stack,
    stack.newest === null ? 'never' : `${formatDuration(stack.newest.ageMs)} ago`,
    formatDuration(stack.promiseMs),
    stack.coverage ?? 'unknown',
    proofOf(stack),
  ])
  const problems = report.stacks.flatMap(stack =>
    stack.problems.flatMap(problem => {
      const text = `${safeText(stack.stack)}: ${safeText(problem.message)}`
      return [
        paint[problem.level](hanging(problem.level === 'critical' ? '✗ ' : '! ', text, width)),
        hanging('  ', safeText(problem.hint), width),
      ]
    }),
  )
  const silent = report.hosts
    .filter(host => host.problem !== null)
    .map(host => style.dim(hanging('· ', safeText(`${host.host}: ${host.problem ?? ''}`), width)))
  if (report.stacks.length === 0) {
    const text = 'No stack was found, and no snapshot is there. Begin with: lifeboat stacks'
    return [style.warn(hanging('! ', text, width)), ...silent].join('\n')
  }
  return [
    table(
      [
        { title: ' ' },
        { title: 'STACK' },
        { title: 'LAST BACKUP' },
        { title: 'PROMISE' },
        { title: 'COVERAGE' },
        { title: 'PROOF' },
      ],
      rows,
      look,
    ),
    ...problems,
    ...silent,
  ].join('\n')
}

function proofOf({ newest }: StackStatus): string {
  if (newest === null) return ''
  const { level, at } = newest.proof
  return at === null ? level : `${level} ${formatTime(at)}`
}
