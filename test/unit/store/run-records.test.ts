import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import type { JobSummary } from '../../../src-main/contract/model.ts'
import { listRuns, writeRun } from '../../../src-main/engine/store/run-records.ts'
import { temporaryFolder } from './support.ts'

function run(jobId: string, minute: number, state: JobSummary['state']): JobSummary {
  const startedAt = new Date(Date.UTC(2026, 10, 21, 3, minute)).toISOString()
  return {
    jobId,
    kind: 'backup',
    host: 'local',
    stack: 'app',
    startedAt,
    finishedAt: null,
    state,
    progress: null,
    error: null,
  }
}

describe('store/run-records', () => {
  it('keeps one record of each attempt, the last state counts, newest first', async () => {
    const state = temporaryFolder()
    expect(await listRuns(state)).toEqual([])
    await writeRun(state, run('a', 1, 'running'))
    await writeRun(state, run('b', 2, 'running'))
    await writeRun(state, {
      ...run('a', 1, 'failed'),
      error: { code: 'disk-full', message: 'm', state: 's', hint: 'h' },
    })
    const runs = await listRuns(state)
    expect(runs.map(each => [each.jobId, each.state])).toEqual([
      ['b', 'running'],
      ['a', 'failed'],
    ])
    expect(await listRuns(state, 1)).toHaveLength(1)
  })

  it('passes over what it cannot read and leaves it there', async () => {
    const state = temporaryFolder()
    await writeRun(state, run('../../odd name', 1, 'complete'))
    const folder = path.join(state, 'runs')
    writeFileSync(path.join(folder, '20990101T000000Z-x.json'), '{"half":')
    writeFileSync(path.join(folder, '20990102T000000Z-y.json'), 'null')
    expect((await listRuns(state)).map(each => each.jobId)).toEqual(['../../odd name'])
    expect(readdirSync(folder)).toHaveLength(3)
    expect(readdirSync(state)).toEqual(['runs'])
  })
})
