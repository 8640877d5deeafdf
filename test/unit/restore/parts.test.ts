import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EngineDeps } from '../../../src-main/engine/ports.ts'
import { missingFolders } from '../../../src-main/engine/restore/host-folders.ts'
import { startWaves, withDependents } from '../../../src-main/engine/restore/order.ts'
import { compareCounts, isFresh } from '../../../src-main/engine/restore/stage-databases.ts'
import { readMeasure } from '../../../src-main/engine/restore/tree/measure.ts'
import { secondsOf } from '../../../src-main/engine/restore/tree/put-file.ts'
import { findUndo, listUndos } from '../../../src-main/engine/restore/undo.ts'
import { type UndoRecord, writeUndo } from '../../../src-main/engine/restore/undo-record.ts'
import { container } from './facts.ts'

describe('restore/order', () => {
  const services = [
    { name: 'web', dependsOn: ['app', 'missing'] },
    { name: 'app', dependsOn: ['db', 'cache'] },
    { name: 'db', dependsOn: [] },
    { name: 'cache', dependsOn: [] },
  ]

  it('puts dependencies first and survives circles', () => {
    expect(startWaves(services)).toEqual([['db', 'cache'], ['app'], ['web']])
    const circle = [
      { name: 'a', dependsOn: ['b'] },
      { name: 'b', dependsOn: ['a'] },
      { name: 'c', dependsOn: ['c', 'a'] },
    ]
    expect(startWaves(circle).flat().toSorted()).toEqual(['a', 'b', 'c'])
  })

  it('finds all that depend on something', () => {
    expect([...withDependents(['db'], services)].toSorted()).toEqual(['app', 'db', 'web'])
    expect([...withDependents(['web'], services)]).toEqual(['web'])
  })
})

describe('restore/measure', () => {
  it('counts a file with several names once', () => {
    const output = 'entries 4\n1 8:1 100\n2 8:2 50\n2 8:2 50\n'
    expect(readMeasure(output)).toEqual({ paths: 4, fileBytes: 150 })
    expect(readMeasure('entries       0\n')).toEqual({ paths: 0, fileBytes: 0 })
  })

  it('does not take anything else for a count', () => {
    expect(readMeasure('')).toBeNull()
    expect(readMeasure('entries x\n')).toBeNull()
    expect(readMeasure('entries 1\n1 8:1 %s\n')).toBeNull()
  })
})

describe('restore/compare-counts', () => {
  const exact = (
    values: Record<string, number>,
  ): { values: Record<string, number>; exact: boolean } => ({
    values,
    exact: true,
  })

  it('judges exact counts, and tells estimates without judging them', () => {
    expect(compareCounts(exact({ a: 1 }), exact({ a: 1 })).every(each => each.ok)).toBe(true)
    expect(compareCounts(exact({ a: 1 }), exact({ a: 2 }))).toEqual([
      { name: 'a', expected: '1', actual: '2', ok: false },
    ])
    expect(compareCounts(exact({ a: 1 }), exact({})).map(each => each.ok)).toEqual([false])
    expect(compareCounts(exact({}), exact({ b: 0 })).map(each => each.ok)).toEqual([false])
    expect(
      compareCounts({ values: { a: 1 }, exact: false }, exact({ a: 2 })).map(each => each.ok),
    ).toEqual([true])
    expect(
      compareCounts({ values: { a: 1 }, exact: false }, exact({})).map(each => each.ok),
    ).toEqual([false])
    expect(compareCounts({ values: {}, exact: false }, exact({ a: 2 }))).toEqual([])
  })
})

describe('restore/is-fresh', () => {
  const recorded = container('db', {
    mounts: [
      { type: 'volume', source: 'data', target: '/d', readOnly: false, driver: 'local' },
      { type: 'bind', source: '/srv/extra', target: '/e', readOnly: false, driver: null },
      { type: 'bind', source: '/srv/init', target: '/i', readOnly: true, driver: null },
      { type: 'tmpfs', source: '', target: '/t', readOnly: false, driver: null },
    ],
  })
  const volume = { name: 'data', driver: 'local', labels: {}, options: {}, raw: null }

  it('takes a server for new only when all that it may write to is made for it', () => {
    const made = { volumes: [volume], folders: ['/srv/extra'] }
    expect(isFresh({ now: null, recorded }, made)).toBe(true)
    expect(isFresh({ now: recorded, recorded }, made)).toBe(false)
    expect(isFresh({ now: null, recorded }, { ...made, volumes: [] })).toBe(false)
    expect(isFresh({ now: null, recorded }, { ...made, folders: [] })).toBe(false)
  })
})

describe('restore/put-file', () => {
  it('keeps all the digits of a time', () => {
    expect(secondsOf('2026-11-28T13:42:54.173123456Z')).toBe('1795873374.173123456')
    expect(secondsOf('2026-11-28T13:42:54Z')).toBe('1795873374.0')
    expect(secondsOf('1969-12-31T23:59:58.250Z')).toBe('-2.250')
  })
})

describe('restore/host-folders', () => {
  it('lists what is missing, outermost first', () => {
    const there = new Set(['/', '/srv'])
    expect(missingFolders('/srv/a/b', each => there.has(each))).toEqual(['/srv/a', '/srv/a/b'])
    expect(missingFolders('/srv', each => there.has(each))).toEqual([])
  })
})

describe('restore/undo', () => {
  let folder: string
  let deps: EngineDeps

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'undo-'))
    deps = {
      paths: { state: path.join(folder, 'state') },
      clock: { now: () => new Date('2026-11-28T00:00:00.000Z') },
    } as EngineDeps
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function record(restore: string, at: string, until: string): UndoRecord {
    return {
      schemaVersion: 1,
      restore,
      host: 'local',
      stack: 'demo',
      at,
      until,
      safetySnapshot: `h/s/${restore}`,
      repository: '/old/place',
      snapshot: 'h/s/x',
      partial: false,
      created: { networks: [], volumes: [], containers: [], folders: [] },
      emptied: [],
      databases: [],
    }
  }

  async function keep(each: UndoRecord): Promise<void> {
    mkdirSync(path.join(folder, 'repository', 'h', 's'), { recursive: true })
    await writeUndo(deps.paths.state, path.join(folder, 'repository', each.safetySnapshot), each)
  }

  it('finds the newest, one by the end of its id, and says why not', async () => {
    await expect(findUndo(deps, null, null)).rejects.toMatchObject({ code: 'nothing-to-undo' })
    await keep(
      record('20261101T000000Z-aaaa', '2026-11-01T00:00:00.000Z', '2026-11-08T00:00:00.000Z'),
    )
    await expect(findUndo(deps, null, null)).rejects.toMatchObject({ code: 'undo-expired' })
    await keep(
      record('20261126T000000Z-bbbb', '2026-11-26T00:00:00.000Z', '2026-12-03T00:00:00.000Z'),
    )
    await keep(
      record('20261127T000000Z-cccc', '2026-11-27T00:00:00.000Z', '2026-12-04T00:00:00.000Z'),
    )
    expect((await findUndo(deps, null, null)).restore).toBe('20261127T000000Z-cccc')
    expect((await findUndo(deps, null, 'bbbb')).restore).toBe('20261126T000000Z-bbbb')
    await expect(findUndo(deps, null, 'aaaa')).rejects.toMatchObject({ code: 'undo-expired' })
    await expect(findUndo(deps, null, 'zzzz')).rejects.toMatchObject({ code: 'nothing-to-undo' })
    expect((await listUndos(deps)).map(each => each.restore)).toEqual([
      '20261127T000000Z-cccc',
      '20261126T000000Z-bbbb',
    ])
  })

  it('works from the repository alone, wherever it lies now', async () => {
    await keep(
      record('20261126T000000Z-bbbb', '2026-11-26T00:00:00.000Z', '2026-12-03T00:00:00.000Z'),
    )
    rmSync(deps.paths.state, { recursive: true })
    const repository = path.join(folder, 'repository')
    const found = await findUndo(deps, repository, null)
    expect(found.restore).toBe('20261126T000000Z-bbbb')
    expect(found.repository).toBe(repository)
  })
})
