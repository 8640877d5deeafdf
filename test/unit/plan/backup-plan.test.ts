import { describe, expect, it } from 'vitest'

import type { AppError } from '../../../src-main/contract/errors.ts'
import {
  type BackupPlan,
  defaultPolicy,
  type StackPolicy,
} from '../../../src-main/contract/model.ts'
import { inventoryOf } from '../../../src-main/engine/detect/detect.ts'
import type { MountFacts, StackFacts } from '../../../src-main/engine/detect/facts.ts'
import type { Inventory } from '../../../src-main/engine/detect/inventory.ts'
import { makeBackupPlan } from '../../../src-main/engine/plan/backup-plan.ts'
import { canonicalJson } from '../../../src-main/engine/plan/canonical.ts'
import { startOrder } from '../../../src-main/engine/plan/order.ts'
import { engineLists, type ServiceFixture } from '../../fixtures/projects/define.ts'
import { factsOf } from '../../fixtures/projects/facts.ts'
import { filled, withSqlite } from '../../fixtures/projects/mount-facts.ts'
import { randomFacts } from '../../fixtures/projects/random.ts'

const options = { repository: '/repository', lifeboatVersion: '1.0.0' }

function inventory(
  services: Readonly<Record<string, ServiceFixture>>,
  mounts: Readonly<Record<string, MountFacts>> = {},
  policy: Partial<StackPolicy> = {},
): Inventory {
  const facts = factsOf(engineLists([{ name: 'app', services }]), 'app')
  return inventoryOf({
    ...facts,
    mounts: new Map(Object.entries(mounts)),
    policy: { ...defaultPolicy, ...policy },
  })
}

function planOf(
  services: Readonly<Record<string, ServiceFixture>>,
  mounts: Readonly<Record<string, MountFacts>> = {},
  policy: Partial<StackPolicy> = {},
  only?: readonly string[],
): BackupPlan {
  const whole = { ...defaultPolicy, ...policy }
  return makeBackupPlan(inventory(services, mounts, policy), whole, { ...options, only })
}

function outline(plan: BackupPlan): readonly string[] {
  return plan.steps.map(each => [each.action, each.item ?? each.service].filter(Boolean).join(' '))
}

function errorOf(run: () => unknown): AppError {
  try {
    run()
  } catch (error) {
    return error as AppError
  }
  throw new Error('it did not fail')
}

const chat: Readonly<Record<string, ServiceFixture>> = {
  web: {
    image: 'example/web:1',
    volumes: ['files:/data', './uploads:/uploads'],
    dependsOn: ['api'],
  },
  api: { image: 'example/api:1', volumes: ['files:/data'], dependsOn: ['db'] },
  proxy: { image: 'nginx:1', volumes: ['./nginx.conf:/etc/nginx.conf:ro'], dependsOn: ['web'] },
  db: { image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data'] },
}

describe('plan/backup-plan', () => {
  it('keeps the order of one consistent point', () => {
    const plan = planOf(chat, { 'volume:app_files': withSqlite('a.db') })
    expect(outline(plan)).toEqual([
      'copy-config config:compose',
      'quiesce web',
      'quiesce api',
      'begin-dump db',
      'copy-sqlite sqlite:app_files/a.db',
      'copy-volume volume:app_files',
      'copy-bind bind:/srv/app/nginx.conf',
      'copy-bind bind:/srv/app/uploads',
      'resume api',
      'resume web',
      'dump database:db/postgres',
      'write-manifest',
    ])
    expect(plan.steps.map(each => each.order)).toEqual(plan.steps.map((_, index) => index + 1))
    expect(plan.steps.filter(each => each.stops).map(each => each.service)).toEqual(['web', 'api'])
  })

  it('names the switch that guards the quiet time, once, and only where there is one', () => {
    const guarded = planOf(chat).steps.filter(each => each.detail.includes('dead-man switch'))
    expect(guarded.map(each => [each.action, each.service])).toEqual([['quiesce', 'web']])
    const still = planOf(chat, {}, { quiesce: 'none' })
    expect(still.steps.filter(each => each.detail.includes('switch'))).toEqual([])
  })

  it.each([
    ['the user', 'stop', {}],
    ['a label', 'auto', { 'docker-volume-backup.stop-during-backup': 'true' }],
  ] as const)(
    'never stops what the engine removes when it stops, though %s asks',
    (_, how, labels) => {
      const policy = { ...defaultPolicy, quiesce: how }
      const found = inventory({
        app: { image: 'example/app:1', volumes: ['data:/data'], labels },
      })
      expect(makeBackupPlan(found, policy, options).downtime).toMatchObject([{ how: 'stop' }])
      const raw = { HostConfig: { AutoRemove: true } }
      const containers = found.containers.map(each => ({ ...each, raw }))
      const plan = makeBackupPlan({ ...found, containers }, policy, options)
      expect(plan.downtime).toMatchObject([{ service: 'app', how: 'pause', graceMs: 0 }])
      expect(plan.steps.find(each => each.action === 'quiesce')?.detail).toMatch(/^Pause app: /)
      expect(plan.warnings.join()).toContain('app is paused, not stopped: the engine removes it')
    },
  )

  it('names what the copy of a volume leaves out', () => {
    const plan = planOf(chat, { 'volume:app_files': withSqlite('a.db') })
    expect(plan.steps.find(each => each.action === 'copy-volume')?.leaveOut).toEqual([
      'a.db',
      'a.db-journal',
      'a.db-shm',
      'a.db-wal',
    ])
    const beside = planOf(
      { db: { image: 'postgres:18', volumes: ['db:/var/lib/postgresql'] } },
      { 'volume:app_db': { ...filled, others: ['custom.cnf'] } },
    )
    expect(beside.steps.find(each => each.action === 'copy-volume')?.leaveOut).toEqual([
      '18/docker',
    ])
    const nested = planOf({
      web: {
        image: 'example/web:1',
        volumes: ['./data:/data', './data/inner:/inner', './data/backups:/backups'],
      },
      db: { image: 'postgres:17', volumes: ['./data/pg:/var/lib/postgresql/data'] },
    })
    expect(nested.steps.filter(each => each.action === 'copy-bind')).toMatchObject([
      { item: 'bind:/srv/app/data', leaveOut: ['backups', 'pg'] },
    ])
  })

  it('touches no service when there is nothing but databases', () => {
    const plan = planOf({ db: { image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data'] } })
    expect(plan.downtime).toEqual([])
    expect(outline(plan)).toEqual([
      'copy-config config:compose',
      'begin-dump db',
      'dump database:db/postgres',
      'write-manifest',
    ])
  })

  it('never stops or pauses a server that is dumped', () => {
    const plan = planOf({
      db: { image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data', './more:/mnt/more'] },
    })
    expect(plan.downtime).toEqual([])
    expect(plan.warnings.some(each => each.includes('bind:/srv/app/more is copied hot'))).toBe(true)
  })

  it('stops a store, with its grace in the plan (D10)', () => {
    const facts = inventory({
      ch: { image: 'clickhouse/clickhouse-server:24', volumes: ['ch:/var/lib/clickhouse'] },
    })
    const graceful = {
      ...facts,
      containers: facts.containers.map(each => ({ ...each, stopGraceMs: 210_000 })),
    }
    const plan = makeBackupPlan(graceful, defaultPolicy, options)
    expect(plan.downtime).toMatchObject([{ service: 'ch', how: 'stop', graceMs: 210_000 }])
    expect(plan.downtime[0]?.reason).toContain('volume:app_ch')
  })

  it('stops what another backup program’s label asks to stop (D11), and lists the label', () => {
    const labels = { 'docker-volume-backup.stop-during-backup': 'true' }
    const plan = planOf({ web: { image: 'example/web:1', volumes: ['v:/data'], labels } })
    expect(plan.downtime).toMatchObject([{ service: 'web', how: 'stop' }])
    expect(
      plan.warnings.some(each => each.includes('docker-volume-backup.stop-during-backup of web')),
    ).toBe(true)
  })

  it('leaves a service that is stopped alone', () => {
    const plan = planOf({ web: { image: 'example/web:1', volumes: ['v:/data'], state: 'exited' } })
    expect(plan.downtime).toEqual([])
    expect(outline(plan)).toEqual([
      'copy-config config:compose',
      'copy-volume volume:app_v',
      'write-manifest',
    ])
    expect(plan.warnings).toEqual([])
  })

  it('leaves a service that is paused alone', () => {
    const plan = planOf({ web: { image: 'example/web:1', volumes: ['v:/data'], state: 'paused' } })
    expect(plan.downtime).toEqual([])
  })

  it('stops what restarts again and again: it cannot be paused', () => {
    const plan = planOf({
      web: { image: 'example/web:1', volumes: ['v:/data'], state: 'restarting' },
    })
    expect(plan.downtime).toMatchObject([{ service: 'web', how: 'stop' }])
  })

  it.each([
    ['stop', [['web', 'stop']], false],
    ['pause', [['web', 'pause']], false],
    ['none', [], true],
  ] as const)('does as told: %s', (quiesce, downtime, isHot) => {
    const plan = planOf({ web: { image: 'example/web:1', volumes: ['v:/data'] } }, {}, { quiesce })
    expect(plan.downtime.map(each => [each.service, each.how])).toEqual(downtime)
    expect(plan.warnings.some(each => each.includes('copied hot'))).toBe(isHot)
  })

  it('warns when database files are copied while their server is only paused', () => {
    const services = {
      ch: { image: 'clickhouse/clickhouse-server:24', volumes: ['ch:/var/lib/clickhouse'] },
    }
    expect(planOf(services, {}, { quiesce: 'pause' }).warnings.join()).toContain('only paused')
  })

  it('lists what is left out and why, and every item somewhere', () => {
    const plan = planOf(
      {
        ...chat,
        web: { ...chat['web']!, volumes: ['files:/data', '/etc/localtime:/etc/localtime:ro'] },
      },
      {},
      { exclude: ['bind:/srv/app/nginx.conf # it is in git'] },
    )
    expect(plan.excluded).toMatchObject([
      { item: 'bind:/etc/localtime' },
      { item: 'bind:/srv/app/nginx.conf', reason: 'Left out by you: it is in git' },
      { item: 'volume:app_db' },
    ])
  })

  it('warns of what is not in the backup and of a server that cannot be dumped', () => {
    const facts = inventory({
      db: { image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data'], state: 'exited' },
    })
    const plan = makeBackupPlan(facts, defaultPolicy, options)
    expect(plan.warnings.some(each => each.includes('not a dump'))).toBe(true)
    expect(outline(plan)).toContain('copy-volume volume:app_db')
  })

  describe('its id', () => {
    it('is the same for equal plans, whatever the order of the facts and the sizes', () => {
      const first = inventory(chat, { 'volume:app_files': filled })
      const larger = inventory(chat, { 'volume:app_files': { ...filled, sizeBytes: 999_999_999 } })
      const turned = { ...first, containers: first.containers.toReversed() }
      const ids = [first, larger, turned].map(
        each => makeBackupPlan(each, defaultPolicy, options).planId,
      )
      expect(new Set(ids).size).toBe(1)
      expect(ids[0]).toMatch(/^[0-9a-f]{64}$/)
    })

    it.each([
      ['another policy', { policy: { quiesce: 'stop' as const } }],
      ['another repository', { options: { ...options, repository: '/other' } }],
      ['another version', { options: { ...options, lifeboatVersion: '2.0.0' } }],
      ['a part only', { options: { ...options, only: ['volume:app_files'] } }],
    ])('differs for %s', (_name, change) => {
      const policy = { ...defaultPolicy, ...('policy' in change ? change.policy : {}) }
      const changed = makeBackupPlan(
        inventory(chat),
        policy,
        'options' in change ? change.options : options,
      )
      expect(changed.planId).not.toBe(
        makeBackupPlan(inventory(chat), defaultPolicy, options).planId,
      )
    })
  })

  describe('with --only', () => {
    it('takes what is asked for and keeps quiet only what writes to it', () => {
      const plan = planOf(chat, {}, {}, ['bind:/srv/app/uploads'])
      expect(outline(plan)).toEqual([
        'quiesce web',
        'copy-bind bind:/srv/app/uploads',
        'resume web',
        'write-manifest',
      ])
      expect(
        plan.excluded
          .filter(each => each.reason === 'Not asked for (--only).')
          .map(each => each.item),
      ).toEqual([
        'config:compose',
        'database:db/postgres',
        'bind:/srv/app/nginx.conf',
        'volume:app_files',
      ])
    })

    it('takes one database without touching anything', () => {
      expect(outline(planOf(chat, {}, {}, ['database:db/postgres']))).toEqual([
        'begin-dump db',
        'dump database:db/postgres',
        'write-manifest',
      ])
    })

    it('leads from a data folder to its dumps, and from a part to the whole', () => {
      expect(outline(planOf(chat, {}, {}, ['volume:app_db']))).toContain(
        'dump database:db/postgres',
      )
      const services = {
        web: { image: 'example/web:1', volumes: ['./data:/data', './data/inner:/inner'] },
      }
      expect(outline(planOf(services, {}, {}, ['bind:/srv/app/data/inner']))).toContain(
        'copy-bind bind:/srv/app/data',
      )
    })

    it('takes what is left out by rule when it is named', () => {
      const services = {
        web: { image: 'example/web:1', volumes: ['./data:/data', './backups:/backups'] },
      }
      const plan = planOf(services, {}, {}, ['bind:/srv/app/backups'])
      expect(outline(plan)).toContain('copy-bind bind:/srv/app/backups')
      expect(plan.downtime).toMatchObject([{ service: 'web', how: 'pause' }])
    })

    it('takes patterns', () => {
      expect(outline(planOf(chat, {}, {}, ['database:*']))).toEqual([
        'begin-dump db',
        'dump database:db/postgres',
        'write-manifest',
      ])
    })

    it('refuses an unknown item, with what was probably meant', () => {
      const error = errorOf(() => planOf(chat, {}, {}, ['volume:app_file']))
      expect(error).toMatchObject({
        code: 'unknown-item',
        exitCode: 2,
        state: 'Nothing was changed.',
      })
      expect(error.hint).toContain('volume:app_files')
      expect(errorOf(() => planOf(chat, {}, {}, ['$(touch /tmp/x);\n'])).code).toBe('unknown-item')
    })

    it('refuses what cannot be taken', () => {
      const services = { agent: { image: 'portainer/agent:2', volumes: ['/:/host'] } }
      expect(errorOf(() => planOf(services, {}, {}, ['bind:/'])).code).toBe('not-supported')
    })
  })

  it('holds for stacks of any shape', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const facts: StackFacts = randomFacts(seed)
      const plan = makeBackupPlan(inventoryOf(facts), facts.policy, options)
      const { items } = inventoryOf(facts).stack
      const what = `seed ${seed}`
      const accounted = new Set([
        ...plan.steps.map(each => each.item),
        ...plan.excluded.map(each => each.item),
        ...items.filter(each => each.takenWith !== undefined).map(each => each.id),
      ])
      expect(
        items.filter(each => !accounted.has(each.id)),
        what,
      ).toEqual([])
      const steps = (action: string): readonly (string | null)[] =>
        plan.steps.filter(each => each.action === action).map(each => each.service)
      expect(steps('resume'), what).toEqual(steps('quiesce').toReversed())
      expect(
        plan.downtime.map(each => each.service),
        what,
      ).toEqual(steps('quiesce'))
      const copied = plan.steps.map(each => each.item).filter(each => each !== null)
      expect(new Set(copied).size, what).toBe(copied.length)
      const running = new Set(
        facts.group.containers
          .filter(each => ['running', 'restarting'].includes(each.state))
          .map(each => each.service),
      )
      for (const service of steps('quiesce')) expect(running.has(service ?? ''), what).toBe(true)
      const dumped = new Set(items.filter(each => each.method === 'dump').map(each => each.service))
      for (const service of steps('quiesce')) expect(dumped.has(service), what).toBe(false)
      const order = [
        'copy-config',
        'quiesce',
        'begin-dump',
        'copy-sqlite',
        'copy-volume',
        'copy-bind',
        'resume',
        'dump',
        'write-manifest',
      ]
      const ranks = plan.steps.map(each => order.indexOf(each.action))
      expect(ranks, what).toEqual(ranks.toSorted((a, b) => a - b))
      const warned = (id: string): boolean => plan.warnings.some(each => each.includes(id))
      for (const item of items.filter(
        each => each.consistency === 'hot' && each.takenWith === undefined,
      )) {
        expect(warned(item.id), `${what}: ${item.id}`).toBe(true)
      }
    }
  })
})

describe('plan/order', () => {
  it('starts what others need first, by name where it does not matter', () => {
    expect(
      startOrder([
        { name: 'web', dependsOn: ['db', 'cache'] },
        { name: 'db', dependsOn: [] },
        { name: 'cache', dependsOn: [] },
        { name: 'proxy', dependsOn: ['web', 'elsewhere'] },
      ]),
    ).toEqual(['cache', 'db', 'web', 'proxy'])
  })

  it('survives circles and replicas', () => {
    const order = startOrder([
      { name: 'a', dependsOn: ['b'] },
      { name: 'b', dependsOn: ['a'] },
      { name: 'a', dependsOn: ['a'] },
    ])
    expect(order.toSorted()).toEqual(['a', 'b'])
  })
})

describe('plan/canonical', () => {
  it('gives equal text for equal data', () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }], e: undefined })).toBe(
      '{"a":[{"c":"x","d":null}],"b":1}',
    )
  })
})
