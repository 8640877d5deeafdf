import {
  defaultPolicy,
  type JobSummary,
  type SnapshotSummary,
  type Stack,
} from '../../contract/model.ts'
import type {
  Settings,
  StackStatus,
  Status,
  StatusLevel,
  StatusProblem,
} from '../../contract/reports.ts'

/** Everything that is judged, gathered before. */
export interface StatusInput {
  readonly snapshots: readonly SnapshotSummary[]
  readonly runs: readonly JobSummary[]
  readonly policies: Settings['policies']
  /** Stacks by host, or why a host did not answer. */
  readonly found: ReadonlyMap<string, readonly Stack[] | string>
  readonly now: Date
}

const ranks: readonly StatusLevel[] = ['ok', 'warning', 'critical']

/** Compares what is with what was promised. Pure. */
export function judge(input: StatusInput): Status {
  const stacks = stacksOf(input)
    .map(({ host, stack }) => judgeStack(input, host, stack))
    .toSorted((a, b) => ranks.indexOf(b.level) - ranks.indexOf(a.level))
  return {
    outcome: stacks.length === 0 ? 'warning' : worst(stacks.map(each => each.level)),
    stacks,
    hosts: [...input.found].map(([host, stacksThere]) => ({
      host,
      problem: typeof stacksThere === 'string' ? stacksThere : null,
    })),
    failures: input.runs.filter(each => ['failed', 'partial'].includes(each.state)),
  }
}

function worst(levels: readonly StatusLevel[]): StatusLevel {
  return ranks.findLast(rank => levels.includes(rank)) ?? 'ok'
}

/**
 * Every stack that is there now, was backed up, or should have been. A name that no host knew, that has no
 * snapshot and for which nothing was promised is a slip of the keyboard.
 */
function stacksOf({ snapshots, runs, policies, found }: StatusInput): readonly Named[] {
  const there = [...found.values()].flatMap(each => (typeof each === 'string' ? [] : each))
  const named = [
    ...there.map(({ host, name }) => ({ host, stack: name })),
    ...snapshots.map(({ host, stack }) => ({ host, stack })),
    ...runs
      .filter(run => run.kind === 'backup')
      .flatMap(({ host, stack, error }) =>
        host === null ||
        stack === null ||
        (error?.code === 'unknown-stack' && policies[`${host}/${stack}`] === undefined)
          ? []
          : { host, stack },
      ),
  ]
  return [...new Map(named.map(each => [`${each.host}\0${each.stack}`, each])).values()]
}

interface Named {
  readonly host: string
  readonly stack: string
}

function judgeStack(input: StatusInput, host: string, stack: string): StackStatus {
  const own = ({ host: h, stack: s }: { host: string | null; stack: string | null }): boolean =>
    h === host && s === stack
  const promiseMs = input.policies[`${host}/${stack}`]?.promiseMs ?? defaultPolicy.promiseMs
  const snapshots = input.snapshots.filter(own).filter(each => each.origin !== 'safety')
  const good = snapshots
    .filter(each => each.outcome === 'complete' && each.problem === null)
    .toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time))[0]
  const attempt = input.runs
    .filter(each => each.kind === 'backup' && own(each))
    .toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))[0]
  const there = input.found.get(host)
  const now = typeof there === 'object' ? there.find(each => each.name === stack) : undefined
  const ageMs = good === undefined ? null : input.now.getTime() - Date.parse(good.time)
  const problems = [
    ...ageProblems(stack, ageMs, promiseMs),
    ...attemptProblems(stack, attempt),
    ...coverageProblems(stack, now),
    ...brokenProblems(snapshots),
  ]
  return {
    host,
    stack,
    level: worst(problems.map(each => each.level)),
    promiseMs,
    newest:
      good === undefined || ageMs === null
        ? null
        : { snapshot: good.id, time: good.time, ageMs, proof: good.proof },
    coverage: now?.coverage ?? null,
    lastAttempt:
      attempt === undefined
        ? null
        : {
            at: attempt.startedAt,
            state: attempt.state,
            message: attempt.error?.message ?? null,
          },
    problems,
  }
}

function ageProblems(
  stack: string,
  ageMs: number | null,
  promiseMs: number,
): readonly StatusProblem[] {
  const hint = `lifeboat backup ${stack}`
  if (ageMs === null) {
    const message = 'There is no complete snapshot.'
    return [{ code: 'never-backed-up', level: 'critical', message, hint }]
  }
  if (ageMs <= promiseMs) return []
  const message = 'The newest complete snapshot is older than promised.'
  return [{ code: 'promise-broken', level: 'critical', message, hint }]
}

function attemptProblems(stack: string, attempt: JobSummary | undefined): readonly StatusProblem[] {
  const hint = 'lifeboat audit shows every attempt.'
  switch (attempt?.state) {
    case 'failed': {
      const why = attempt.error?.message ?? 'The last backup failed.'
      const message = `The last backup failed: ${why}`
      return [{ code: 'last-attempt-failed', level: 'warning', message, hint }]
    }
    case 'partial': {
      const message = 'The last backup is partial: it does not hold the whole stack.'
      return [
        {
          code: 'last-attempt-partial',
          level: 'warning',
          message,
          hint: `lifeboat snapshots show ${stack}`,
        },
      ]
    }
    default:
      return []
  }
}

function coverageProblems(stack: string, now: Stack | undefined): readonly StatusProblem[] {
  if (now === undefined || now.coverage === 'covered') return []
  const open = now.items.filter(each => each.decision === 'cannot').map(each => each.id)
  const names = open.length === 0 ? '' : `: ${open.join(', ')}`
  return [
    {
      code: 'not-covered',
      level: 'warning',
      message: `Not all of its data can be backed up${names}.`,
      hint: `lifeboat stacks ${stack} says why.`,
    },
  ]
}

/** The newest snapshot fails its test or cannot be read: whatever older ones say, somebody must look. */
function brokenProblems(snapshots: readonly SnapshotSummary[]): readonly StatusProblem[] {
  const newest = snapshots.toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time))[0]
  if (newest === undefined || newest.problem === null) return []
  return [
    {
      code: 'snapshot-unusable',
      level: 'critical',
      message: `The newest snapshot ${newest.id} cannot be used: ${newest.problem}`,
      hint: `lifeboat check ${newest.id} --read-data says what differs.`,
    },
  ]
}
