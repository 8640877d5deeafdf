import { describe, expect, it } from 'vitest'

import type { BackupPlan, PlanStep } from '../../../src-main/contract/model.ts'
import { quiesceWaves, wouldNotComeBack } from '../../../src-main/engine/capture/quiesce-plan.ts'
import type { Inventory } from '../../../src-main/engine/detect/inventory.ts'

type Container = Inventory['containers'][number]

function container(service: string, change: Partial<Container> = {}): Container {
  return {
    id: `id-${service}`,
    name: service,
    service,
    state: 'running',
    labels: {},
    mounts: [],
    stopGraceMs: 10_000,
    raw: { HostConfig: { AutoRemove: false } },
    ...change,
  } as unknown as Container
}

function inventoryOf(
  containers: readonly Container[],
  dependsOn: Readonly<Record<string, readonly string[]>> = {},
): Inventory {
  const services = [...new Set(containers.map(each => each.service))]
  return {
    containers,
    stack: { services: services.map(name => ({ name, dependsOn: dependsOn[name] ?? [] })) },
  } as unknown as Inventory
}

function planOf(services: readonly string[], how: 'stop' | 'pause' = 'stop'): BackupPlan {
  const steps = services.map((service, index) => ({
    order: index + 1,
    action: 'quiesce',
    service,
  })) as unknown as PlanStep[]
  const downtime = services.map(service => ({ service, how, reason: '', graceMs: 7000 }))
  return { steps, downtime } as unknown as BackupPlan
}

function names(waves: ReturnType<typeof quiesceWaves>): readonly (readonly string[])[] {
  return waves.map(wave => wave.map(each => each.containerId))
}

describe('waves of services that become quiet', () => {
  it('takes together what does not depend on each other, in the plan’s order', () => {
    const all = ['web', 'worker', 'api', 'queue'].map(each => container(each))
    const inventory = inventoryOf(all, { web: ['api'], worker: ['queue'], api: ['queue'] })
    const waves = quiesceWaves(planOf(['web', 'worker', 'api', 'queue']), inventory, new Set())
    expect(names(waves)).toEqual([['id-web', 'id-worker'], ['id-api'], ['id-queue']])
  })

  it('sees dependencies through others, and survives circles', () => {
    const all = ['a', 'c'].map(each => container(each))
    const inventory = inventoryOf([...all, container('b')], { a: ['b'], b: ['c'], c: ['a'] })
    expect(names(quiesceWaves(planOf(['a', 'c']), inventory, new Set()))).toEqual([
      ['id-a'],
      ['id-c'],
    ])
  })

  it('takes all running containers of a service, and only those', () => {
    const all = [
      container('web', { id: '1' }),
      container('web', { id: '2', state: 'restarting' }),
      container('web', { id: '3', state: 'exited' }),
      container('web', { id: '4', state: 'paused' }),
    ]
    const waves = quiesceWaves(planOf(['web'], 'pause'), inventoryOf(all), new Set())
    expect(names(waves)).toEqual([['1', '2']])
    expect(waves[0]?.[0]).toMatchObject({ how: 'pause', graceMs: 7000, insteadOfStop: null })
  })

  it('has none when nothing runs', () => {
    const inventory = inventoryOf([container('web', { state: 'exited' })])
    expect(quiesceWaves(planOf(['web']), inventory, new Set())).toEqual([])
  })

  it('pauses what a stop would lose', () => {
    const inventory = inventoryOf([container('web', { raw: { HostConfig: { AutoRemove: true } } })])
    const [[target] = []] = quiesceWaves(planOf(['web']), inventory, new Set())
    expect(target).toMatchObject({ how: 'pause' })
    expect(target?.insteadOfStop).toContain('removes it')
  })
})

describe('what would not come back from a stop', () => {
  const mount = {
    type: 'bind',
    source: '/srv/x',
    target: '/x',
    readOnly: false,
    driver: null,
  } as const

  it.each([
    ['a lost bind', container('a', { mounts: [mount] }), /bind \/srv\/x is gone/],
    ['--rm', container('a', { raw: { HostConfig: { AutoRemove: true } } }), /removes it/],
    ['a task of Swarm', container('a', { labels: { 'com.docker.swarm.task.id': 'x' } }), /Swarm/],
  ])('%s', (_, each, reason) => {
    expect(wouldNotComeBack(each, new Set(['bind:/srv/x']))).toMatch(reason)
  })

  it('an ordinary container is none of these', () => {
    expect(
      wouldNotComeBack(container('a', { mounts: [mount] }), new Set(['bind:/srv/y'])),
    ).toBeNull()
    expect(wouldNotComeBack(container('a', { raw: null }), new Set())).toBeNull()
  })
})
