import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { psql } from '../../lab/fixtures/describe.ts'
import { listUndos } from '../../src-main/engine/restore/undo.ts'
import { repairRuns } from '../../src-main/engine/runs/repair.ts'
import { killAndRepair, startRestore } from './restore-kills.ts'
import { makeScene, type Scene } from './restore-scene.ts'
import { codeOf, leftovers, restore } from './restore-support.ts'

let scene: Scene

beforeAll(async () => {
  scene = await makeScene()
})

afterAll(async () => {
  await scene[Symbol.asyncDispose]()
})

describe('a restore that is killed', () => {
  it.each([
    'Looking at',
    'Keeping what is there now',
    'Finishing the snapshot',
    'Staging',
    'Loading',
    'Stopping services',
    'Stopped app',
    'Switching to',
    'Switched volume',
    'Switched database',
    'Starting services',
    'Started app',
    'Waiting until',
  ])('at %j is taken back by the next start', async step => {
    const { bench } = scene
    const since = await scene.spoil(step.toLowerCase().replaceAll(' ', '_'))
    const undos = await listUndos(bench.home.deps)
    const child = startRestore(bench, step)
    await child.said('held')
    await killAndRepair(bench, child)
    expect(await scene.differencesSince(since)).toEqual([])
    expect(await listUndos(bench.home.deps)).toEqual(undos)
  })

  it('after it was accepted is brought to its end by the next start, and can be undone', async () => {
    const { bench, before } = scene
    await scene.spoil('accepted')
    const child = startRestore(bench, 'Removing the former state')
    await child.said('held')
    const { accepted, actions } = await killAndRepair(bench, child)
    expect(accepted).toBe(true)
    expect(actions[0]?.detail).toContain('It was complete')
    expect(await scene.differencesSince(before)).toEqual([])
    expect(await listUndos(bench.home.deps)).toHaveLength(1)
  })

  it('is left alone while it is alive, and no second one may begin', async () => {
    const { bench } = scene
    const since = await scene.spoil('alive')
    const child = startRestore(bench, 'Stopped app')
    await child.said('held')
    const openHost = () => Promise.resolve(bench.host)
    expect(await repairRuns(bench.home.deps, openHost)).toEqual([])
    expect(await codeOf(restore(bench))).toBe('locked')
    await killAndRepair(bench, child)
    expect(await scene.differencesSince(since)).toEqual([])
  })

  it('waits for a host that is away, says so, and holds up the next restore until then', async () => {
    const { bench, before } = scene
    const since = await scene.spoil('away')
    const child = startRestore(bench, 'Switched database')
    await child.said('held')
    child.kill('SIGKILL')
    await child.ended
    const away = () => Promise.reject(new Error('no route to host'))
    const [action] = await repairRuns(bench.home.deps, away)
    expect(action).toMatchObject({ ok: false })
    expect(action?.what).toContain(scene.stack.name)
    expect(action?.detail).toContain('no route to host')
    expect(await codeOf(restore(bench))).toBe('locked')
    await killAndRepair(bench, child)
    expect(await scene.differencesSince(since)).toEqual([])
    expect((await restore(bench)).error).toBeNull()
    expect(await scene.differencesSince(before)).toEqual([])
    expect(await leftovers(bench)).toEqual([])
  })

  it('that cannot be taken back says so, and its safety snapshot brings back what was there', async () => {
    const { bench, stack } = scene
    const { deps } = bench.home
    const since = await scene.spoil('lost_way')
    const child = startRestore(bench, 'Starting services')
    await child.said('held')
    child.kill('SIGKILL')
    await child.ended
    const access = { container: await stack.container('postgres'), user: 'chatalot' }
    const sql = (text: string): Promise<string> => psql(stack.docker, access, 'template1', text)
    // The way back by renaming is barred: somebody has dropped what was kept aside.
    const kept = await sql("select datname from pg_database where datname like 'chatalot__before%'")
    await sql(`drop database "${kept.trim()}"`)
    const openHost = () => Promise.resolve(bench.host)
    const [action] = await repairRuns(deps, openHost)
    expect(action).toMatchObject({ ok: false })
    const safety = /lifeboat restore (\S+) --in-place --confirm (\S+)/.exec(action?.detail ?? '')
    expect(action?.detail).toContain('The restore is incomplete')
    expect(safety?.[2]).toBe(stack.name)
    expect(await codeOf(restore(bench))).toBe('locked')

    const { error, report } = await restore(bench, { snapshot: safety?.[1] ?? '' })
    expect(error).toBeNull()
    expect(report.warnings.filter(each => each.includes('earlier restore'))).toEqual([])
    expect(await scene.differencesSince(since)).toEqual([])
    expect(await leftovers(bench)).toEqual([])
    expect(await repairRuns(deps, openHost)).toEqual([])
  })
})
