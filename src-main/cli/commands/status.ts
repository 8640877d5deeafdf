import type { Client } from '../../contract/contract.ts'
import { toWire } from '../../contract/errors.ts'
import type { JobSummary, SnapshotSummary, Stack } from '../../contract/model.ts'
import { formatDuration, formatTime } from '../output/format.ts'
import { safeText } from '../output/safe-text.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import { hanging } from '../output/wrap.ts'
import type { Session } from '../session.ts'
import { judge, type StackStatus, type Status } from '../status/judge.ts'
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
  const [snapshots, runs, { policies }] = await Promise.all([
    listSnapshots(client, terminal.options.repo),
    client.call('run.list', { limit: 1000 }),
    client.call('settings.get', {}),
  ])
  const hosts = hostsOf(snapshots, runs, terminal.options)
  const found = flags.offline === true ? new Map<string, string>() : await lookAt(client, hosts)
  const report = judge({ snapshots, runs, policies, found, now: new Date() })
  terminal.result(report, () => statusText(report, terminal.look))
  if (flags.check !== true) return 0
  return { ok: 0, warning: 1, critical: 2 }[report.outcome]
}

/** A repository that does not exist yet holds no snapshots; every other failure is one. */
async function listSnapshots(
  client: Client,
  repository: string | undefined,
): Promise<readonly SnapshotSummary[]> {
  try {
    return await client.call('snapshot.list', { repository })
  } catch (error) {
    if (repository === undefined && toWire(error).code === 'repository-missing') return []
    throw error
  }
}

function hostsOf(
  snapshots: readonly SnapshotSummary[],
  runs: readonly JobSummary[],
  options: Session['terminal']['options'],
): readonly string[] {
  if (options.hostGiven) return [options.host]
  const named = [...snapshots, ...runs.filter(run => run.kind === 'backup')].map(each => each.host)
  return [...new Set(['local', ...named])].filter(host => host !== null)
}

/** What is on each host now; a host that does not answer gives its error. */
async function lookAt(
  client: Client,
  hosts: readonly string[],
): Promise<ReadonlyMap<string, readonly Stack[] | string>> {
  const found = new Map<string, readonly Stack[] | string>()
  const looks = hosts.map(async host => {
    const answer = await client
      .call('stack.list', { host })
      .catch((error: unknown) => toWire(error).message)
    found.set(host, answer)
  })
  await Promise.all(looks)
  return found
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
