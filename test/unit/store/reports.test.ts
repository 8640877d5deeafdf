import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import type { CheckReport } from '../../../src-main/contract/model.ts'
import {
  proofOf,
  REPORT_SCHEMA,
  type StoredReport,
} from '../../../src-main/engine/store/reports.ts'
import { makeSnapshot, newRepository } from './support.ts'

function report(outcome: 'ok' | 'failed', readData = true): CheckReport {
  const checks = [{ name: 'size', expected: '1', actual: '1', ok: outcome === 'ok' }]
  return {
    snapshot: 'a/b/c',
    outcome,
    readData,
    items: [{ id: 'x', checks }],
    restoreMs: null,
    leftovers: [],
  }
}

function stored(
  kind: 'check' | 'drill',
  day: number,
  outcome: 'ok' | 'failed',
  readData = true,
): StoredReport {
  return {
    $schema: REPORT_SCHEMA,
    schemaVersion: 1,
    kind,
    at: `2026-11-${String(day).padStart(2, '0')}T00:00:00.000Z`,
    lifeboat: '1',
    report: structuredClone(report(outcome, readData)) as StoredReport['report'],
  }
}

describe('store/reports: what a snapshot is worth', () => {
  it('is what the deepest success says', () => {
    expect(proofOf([])).toMatchObject({ level: 'recorded', failed: false })
    expect(proofOf([stored('check', 1, 'ok', false)])).toMatchObject({
      level: 'recorded',
      at: null,
    })
    expect(proofOf([stored('check', 1, 'ok')])).toMatchObject({ level: 'checked' })
    expect(proofOf([stored('drill', 1, 'ok'), stored('check', 2, 'ok')])).toMatchObject({
      level: 'drilled',
      at: '2026-11-01T00:00:00.000Z',
    })
  })

  it('is nothing after a failure, until a test as deep succeeds', () => {
    const good = stored('drill', 1, 'ok')
    expect(proofOf([good, stored('check', 2, 'failed')])).toEqual({
      level: 'recorded',
      at: null,
      failed: true,
    })
    expect(
      proofOf([good, stored('check', 2, 'failed'), stored('check', 3, 'ok', false)]).failed,
    ).toBe(true)
    expect(proofOf([good, stored('check', 2, 'failed'), stored('check', 3, 'ok')])).toMatchObject({
      level: 'checked',
      failed: false,
    })
    expect(proofOf([stored('drill', 2, 'failed'), stored('check', 3, 'ok')]).failed).toBe(true)
    expect(proofOf([stored('drill', 3, 'ok'), stored('drill', 2, 'failed')])).toMatchObject({
      level: 'drilled',
    })
  })
})

describe('store/reports: beside the snapshot', () => {
  it('shows in the list at once, and makes a snapshot that failed its test unusable by name', async () => {
    const repository = await newRepository()
    const old = await makeSnapshot(repository, { time: new Date('2026-11-01T00:00:00Z') })
    const id = await makeSnapshot(repository)
    await repository.addReport(id, 'check', report('ok'), new Date('2026-11-22T00:00:00Z'))
    expect((await repository.list())[0]?.proof).toEqual({
      level: 'checked',
      at: '2026-11-22T00:00:00.000Z',
    })
    expect((await repository.resolve('app')).id).toBe(id)
    await repository.addReport(id, 'check', report('failed'), new Date('2026-11-23T00:00:00Z'))
    expect((await repository.list())[0]).toMatchObject({
      outcome: 'failed',
      proof: { level: 'recorded' },
    })
    expect((await repository.resolve('app')).id).toBe(old)
  })

  it('keeps the newest thirty of a kind and passes over damaged ones', async () => {
    const repository = await newRepository()
    const id = await makeSnapshot(repository)
    for (let minute = 0; minute < 35; minute += 1) {
      await repository.addReport(
        id,
        'check',
        report('ok'),
        new Date(Date.UTC(2026, 10, 22, 0, minute)),
      )
    }
    const kept = await repository.reports(id)
    expect(kept).toHaveLength(30)
    expect(kept[0]?.at).toBe('2026-11-22T00:05:00.000Z')
    writeFileSync(
      path.join(`${repository.folderOf(id)}.reports`, 'check-20270101T000000.000Z.json'),
      '{',
    )
    expect(await repository.reports(id)).toHaveLength(30)
    expect((await repository.list())[0]?.problem).toBeNull()
  })
})
