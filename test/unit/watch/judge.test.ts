import { describe, expect, it } from 'vitest'

import type { JobSummary, SnapshotSummary, Stack } from '../../../src-main/contract/model.ts'
import { judge, type StatusInput } from '../../../src-main/engine/watch/judge.ts'

const now = new Date('2026-06-10T12:00:00Z')
const hour = 3_600_000

function snapshot(hoursAgo: number, change: Partial<SnapshotSummary> = {}): SnapshotSummary {
  const time = new Date(now.getTime() - hoursAgo * hour).toISOString()
  return {
    id: `local/chat/${time}`,
    host: 'local',
    stack: 'chat',
    time,
    outcome: 'complete',
    sizeBytes: 1,
    encrypted: false,
    pinned: false,
    origin: 'backup',
    proof: { level: 'recorded', at: null },
    copies: [],
    problem: null,
    ...change,
  }
}

function run(hoursAgo: number, state: JobSummary['state']): JobSummary {
  const at = new Date(now.getTime() - hoursAgo * hour).toISOString()
  const error =
    state === 'failed' ? { code: 'disk-full', message: 'Full.', state: '.', hint: '.' } : null
  return {
    jobId: at,
    kind: 'backup',
    host: 'local',
    stack: 'chat',
    startedAt: at,
    finishedAt: at,
    state,
    progress: null,
    error,
  }
}

const stack: Stack = {
  host: 'local',
  name: 'chat',
  kind: 'compose',
  coverage: 'covered',
  services: [],
  items: [],
  findings: [],
}

function judged(change: Partial<StatusInput>): readonly string[] {
  const found = new Map([['local', [stack]]])
  const report = judge({ snapshots: [], runs: [], policies: {}, found, now, ...change })
  return [report.outcome, ...report.stacks.flatMap(each => each.problems.map(p => p.code))]
}

describe('watch/judge', () => {
  it('is fine with a fresh complete snapshot of a covered stack', () => {
    expect(judged({ snapshots: [snapshot(1)], runs: [run(1, 'complete')] })).toEqual(['ok'])
  })

  it('is critical for a stack that was never backed up', () => {
    expect(judged({})).toEqual(['critical', 'never-backed-up'])
  })

  it('does not take a name that no host knew for a stack, unless something was promised for it', () => {
    const attempt = run(1, 'failed')
    const slip: JobSummary = {
      ...attempt,
      stack: 'caht',
      error: { code: 'unknown-stack', message: '.', state: '.', hint: '.' },
    }
    const snapshots = [snapshot(1)]
    expect(judged({ snapshots, runs: [slip] })).toEqual(['ok'])
    expect(judged({ snapshots, runs: [{ ...slip, error: attempt.error }] })[0]).toBe('critical')
    const policies = { 'local/caht': { promiseMs: hour } }
    expect(judged({ snapshots, runs: [slip], policies })[0]).toBe('critical')
    const gone = { ...snapshot(99), stack: 'caht' }
    expect(judged({ snapshots: [...snapshots, gone], runs: [slip] })[0]).toBe('critical')
  })

  it('is critical when the promise is broken, by the stack’s own promise', () => {
    expect(judged({ snapshots: [snapshot(49)] })).toEqual(['critical', 'promise-broken'])
    const policies = { 'local/chat': { promiseMs: 72 * hour } }
    expect(judged({ snapshots: [snapshot(49)], policies })).toEqual(['ok'])
  })

  it.each([
    ['partial', { outcome: 'partial' }],
    ['damaged', { problem: 'Its manifest cannot be read.' }],
    ['safety', { origin: 'safety' }],
  ] as const)('does not take a %s snapshot for a backup', (_what, change) => {
    const [outcome, first] = judged({ snapshots: [snapshot(1, change)] })
    expect([outcome, first]).toEqual(['critical', 'never-backed-up'])
  })

  it('is critical when the newest snapshot fails its test, although an older one is good', () => {
    const broken = snapshot(1, { outcome: 'failed', problem: 'The last test failed.' })
    expect(judged({ snapshots: [broken, snapshot(2)] })).toEqual(['critical', 'snapshot-unusable'])
  })

  it('warns of a failed or partial last attempt while the promise holds', () => {
    const snapshots = [snapshot(5)]
    expect(judged({ snapshots, runs: [run(1, 'failed'), run(5, 'complete')] })).toEqual([
      'warning',
      'last-attempt-failed',
    ])
    expect(judged({ snapshots, runs: [run(5, 'complete'), run(1, 'partial')] })).toEqual([
      'warning',
      'last-attempt-partial',
    ])
    expect(judged({ snapshots, runs: [run(5, 'failed'), run(1, 'complete')] })).toEqual(['ok'])
  })

  it('warns of data that is not covered', () => {
    const found = new Map([['local', [{ ...stack, coverage: 'partly' as const }]]])
    expect(judged({ snapshots: [snapshot(1)], found })).toEqual(['warning', 'not-covered'])
  })

  it('is no alarm when a host does not answer, but coverage is unknown then', () => {
    const found = new Map([['local', 'It does not answer.']])
    const report = judge({ snapshots: [snapshot(1)], runs: [], policies: {}, found, now })
    expect(report.outcome).toBe('ok')
    expect(report.stacks[0]?.coverage).toBeNull()
    expect(report.hosts).toEqual([{ host: 'local', problem: 'It does not answer.' }])
  })

  it('never calls nothing at all good', () => {
    expect(judged({ found: new Map() })).toEqual(['warning'])
  })

  it('lists stacks that are gone from the host, and all failures', () => {
    const runs = [run(1, 'failed'), run(2, 'failed'), run(3, 'complete')]
    const report = judge({
      snapshots: [snapshot(1)],
      runs,
      policies: {},
      found: new Map([['local', []]]),
      now,
    })
    expect(report.stacks.map(each => each.stack)).toEqual(['chat'])
    expect(report.failures).toHaveLength(2)
  })
})
