import { describe, expect, it } from 'vitest'

import type { RestoreFacts } from '../../../src-main/engine/restore/facts.ts'
import { makeRestorePlan } from '../../../src-main/engine/restore/restore-plan.ts'
import {
  appMounts,
  artifact,
  container,
  facts,
  fileArtifact,
  gone,
  hostSummary,
  inventory,
  item,
  lost,
  manifest,
  present,
} from './facts.ts'

function blockersOf(change: Partial<RestoreFacts>): readonly string[] {
  return makeRestorePlan(facts(change)).plan.blockers.map(each => each.code)
}

function withItem(
  extra: ReturnType<typeof item>,
  artifacts: readonly ReturnType<typeof artifact>[],
): RestoreFacts['snapshot'] {
  const base = manifest()
  return { ...base, items: [...base.items, extra], artifacts: [...base.artifacts, ...artifacts] }
}

describe('restore/restore-plan', () => {
  it('stages everything, then stops, switches, starts, and keeps the former state until the end', () => {
    const { plan, replaced } = makeRestorePlan(facts())
    expect(plan.blockers).toEqual([])
    expect(plan.steps.map(each => `${each.action} ${each.service ?? each.item ?? ''}`)).toEqual([
      'safety-snapshot ',
      'stage db',
      'restore-config config:env',
      'stage volume:demo_files',
      'stage bind:/srv/demo/secrets',
      'stop app',
      'switch config:env',
      'switch volume:demo_files',
      'switch bind:/srv/demo/secrets',
      'switch db',
      'start app',
      'health ',
      'finish ',
    ])
    expect(plan.steps.map(each => each.order)).toEqual(plan.steps.map((_, index) => index + 1))
    expect(replaced).toEqual([
      'config:env',
      'config:compose',
      'volume:demo_files',
      'bind:/srv/demo/secrets',
      'database:db/main',
    ])
    expect(plan.notRestored).toEqual([{ item: 'volume:demo_db', reason: 'covered by the dump' }])
  })

  it('is the same for the same facts, and another one for others', () => {
    const first = makeRestorePlan(facts()).plan.planId
    expect(makeRestorePlan(facts()).plan.planId).toBe(first)
    expect(makeRestorePlan(facts({ only: ['config:env'] })).plan.planId).not.toBe(first)
  })

  it('says what is there now and what would come back', () => {
    const { differences } = makeRestorePlan(facts()).plan
    expect(differences.find(each => each.item === 'database:db/main')).toEqual({
      item: 'database:db/main',
      now: 'postgres 17.2: 1 table, 12 rows (public.users 12)',
      snapshot: 'postgres 17.2: 2 tables, 13 rows (public.notes 3, public.users 10)',
      replaces: true,
    })
    expect(differences.find(each => each.item === 'volume:demo_files')?.now).toBe(
      '7 files and folders, 4.0 KiB',
    )
    expect(differences.find(each => each.item === 'config:env')).toMatchObject({
      now: '/srv/demo/.env: different',
      replaces: true,
    })
    expect(differences.find(each => each.item === 'config:compose')).toMatchObject({
      now: '/srv/demo/compose.yaml: the same',
      replaces: false,
    })
  })

  it('keeps what the backup left out, unless the snapshot has it as an item of its own', () => {
    const { trees } = makeRestorePlan(facts())
    expect(trees.find(each => each.item === 'volume:demo_files')?.scope).toEqual({
      kind: 'all',
      keep: ['cache', 'app.db', 'app.db-wal'],
    })
    const snapshot = withItem(
      item('sqlite:demo_files/app.db', ['databases/sqlite/demo_files/app.db.zst'], {
        facts: { mount: 'volume:demo_files', path: 'app.db' },
      }),
      [artifact('databases/sqlite/demo_files/app.db', 'sqlite:demo_files/app.db')],
    )
    const whole = makeRestorePlan(facts({ snapshot }))
    const tree = whole.trees.find(each => each.item === 'volume:demo_files')
    expect(tree?.scope).toEqual({ kind: 'all', keep: ['cache'] })
    expect(tree?.files.map(each => each.path)).toEqual(['app.db'])
    expect(tree?.items).toEqual(['volume:demo_files', 'sqlite:demo_files/app.db'])
  })

  it('restores an SQLite file alone with its logs, in its folder', () => {
    const id = 'sqlite:demo_files/deep/app.db'
    const snapshot = withItem(
      item(id, ['x.zst'], { facts: { mount: 'volume:demo_files', path: 'deep/app.db' } }),
      [artifact('x', id)],
    )
    const { trees, containers, replaced } = makeRestorePlan(facts({ snapshot, only: [id] }))
    expect(trees).toHaveLength(1)
    expect(trees[0]).toMatchObject({
      folder: 'deep',
      scope: { kind: 'only', names: ['app.db', 'app.db-wal', 'app.db-shm', 'app.db-journal'] },
      files: [{ path: 'app.db' }],
    })
    expect(replaced).toEqual([id])
    expect(containers.filter(each => each.stops).map(each => each.service)).toEqual(['app'])
  })

  it('finds the mount of an SQLite file of a folder host, and puts config files into the folder', () => {
    const folder = '/home/me/chat'
    const base = manifest()
    const snapshot = {
      ...base,
      host: { ...base.host, kind: 'folder' as const, daemonId: null },
      stack: { ...base.stack, kind: 'folder' as const, workingDirectory: folder, services: [] },
      items: [
        item(`bind:${folder}`, ['f.tar.zst'], { facts: { leftOut: ['data/app.db', '.env'] } }),
        item('sqlite:data/app.db', ['d.zst'], { facts: { mount: null, path: 'data/app.db' } }),
        item('config:env', [fileArtifact(`${folder}/.env`, 'config:env').path]),
        item('config:compose', [fileArtifact(`${folder}/compose.yaml`, 'config:compose').path]),
      ],
      artifacts: [
        artifact('f.tar', `bind:${folder}`),
        artifact('d', 'sqlite:data/app.db'),
        fileArtifact(`${folder}/.env`, 'config:env'),
        fileArtifact(`${folder}/compose.yaml`, 'config:compose'),
      ],
    }
    const { trees, plan } = makeRestorePlan(
      facts({
        snapshot,
        host: { ...hostSummary, kind: 'folder', daemon: null },
        inventory: inventory({ containers: [], servers: [] }),
        places: { [`bind:${folder}`]: present },
        files: {},
        servers: {},
        databases: {},
      }),
    )
    expect(plan.blockers).toEqual([])
    expect(trees).toHaveLength(1)
    expect(trees[0]?.scope).toEqual({ kind: 'all', keep: [] })
    // What the archive holds itself (compose.yaml) is not put over it once more.
    expect(trees[0]?.files.map(each => each.path)).toEqual(['.env', 'data/app.db'])
    expect(trees[0]?.items).toEqual([
      `bind:${folder}`,
      'config:env',
      'config:compose',
      'sqlite:data/app.db',
    ])
  })

  it('replaces a bind that is one file in the folder above it', () => {
    const id = 'bind:/srv/demo/config.php'
    const snapshot = withItem(item(id, ['binds/config.tar.zst']), [
      artifact('binds/config.tar', id),
    ])
    const { trees } = makeRestorePlan(
      facts({
        snapshot,
        only: [id],
        singleFiles: [id],
        places: { [id]: { ...present, type: 'file' }, 'bind:/srv/demo': present },
      }),
    )
    expect(trees[0]).toMatchObject({
      mount: { mount: 'bind:/srv/demo', source: '/srv/demo' },
      scope: { kind: 'only', names: ['config.php'] },
      replaces: true,
      createFolder: false,
    })
  })

  it('makes everything anew after a total loss, the database alone first, and has nothing to keep', () => {
    const design = makeRestorePlan(lost())
    expect(design.plan.blockers).toEqual([])
    expect(design.replaced).toEqual([])
    expect(design.volumes.map(each => [each.name, each.labels])).toEqual([
      ['demo_db', { 'com.docker.compose.volume': 'db' }],
      ['demo_files', { 'com.docker.compose.volume': 'files' }],
    ])
    expect(design.networks.map(each => each.name)).toEqual(['demo_default'])
    expect(design.containers.map(each => [each.service, each.now, each.runsAfter])).toEqual([
      ['db', null, true],
      ['app', null, true],
    ])
    expect(design.trees.every(each => !each.replaces)).toBe(true)
    const actions = design.plan.steps.map(each => each.action)
    expect(actions.indexOf('create-volume')).toBeGreaterThan(actions.indexOf('create-network'))
    expect(actions.indexOf('start-database')).toBeGreaterThan(
      actions.lastIndexOf('create-container'),
    )
    expect(actions.indexOf('stage')).toBeGreaterThan(actions.indexOf('start-database'))
    expect(design.plan.steps[0]?.detail).toContain('nothing to keep')
  })

  it('keeps the files of a server that does not answer, since its databases cannot be dumped', () => {
    const { replaced } = makeRestorePlan(
      facts({
        servers: { db: { state: 'stopped', problem: null, version: null, databases: [] } },
        databases: {},
      }),
    )
    expect(replaced).toContain('volume:demo_db')
  })

  it('leaves services stopped that were stopped in the snapshot, and touches only who is concerned', () => {
    const base = facts()
    const stopped = makeRestorePlan({
      ...base,
      definitions: {
        ...base.definitions,
        containers: [container('app', { mounts: appMounts, state: 'exited' }), container('db')],
      },
    })
    expect(stopped.containers.find(each => each.service === 'app')).toMatchObject({
      stops: true,
      runsAfter: false,
    })
    const only = makeRestorePlan(facts({ only: ['database:db/main'] }))
    expect(only.containers.map(each => [each.service, each.stops, each.servesDatabase])).toEqual([
      ['db', false, true],
      ['app', true, false],
    ])
    const config = makeRestorePlan(facts({ only: ['config:env'] }))
    expect(config.trees.map(each => each.items)).toEqual([['config:env']])
  })

  it('names each reason why it cannot start', () => {
    expect(blockersOf({ host: { ...hostSummary, daemon: null } })).toContain('wrong-host')
    expect(blockersOf({ host: { ...hostSummary, kind: 'folder', daemon: null } })).toContain(
      'wrong-host',
    )
    // A new server is taken when the user names it, never because a variable leads there.
    const elsewhere = lost({ host: { ...hostSummary, daemon: null } })
    expect(makeRestorePlan({ ...elsewhere, hostWasNamed: true }).plan.blockers).toEqual([])
    expect(makeRestorePlan(elsewhere).plan.blockers).toMatchObject([
      { code: 'wrong-host', hint: expect.stringContaining('--host') as unknown },
    ])

    const outsider = container('other', { id: 'x', mounts: [appMounts[0]] })
    const own = inventory().containers
    expect(blockersOf({ containers: [...own, outsider] })).toEqual(['busy-target'])
    expect(blockersOf({ containers: [...own, { ...outsider, state: 'exited' }] })).toEqual([])
    const above = container('above', {
      id: 'y',
      mounts: [{ ...appMounts[1], source: '/srv', target: '/s' }],
    })
    expect(blockersOf({ containers: [...own, above] })).toContain('busy-target')

    const tight = { ...present, freeBytes: 10_000 }
    expect(blockersOf({ places: { ...facts().places, 'volume:demo_files': tight } })).toContain(
      'not-enough-space',
    )

    expect(
      blockersOf({ damaged: [{ path: 'volumes/demo_files.tar.zst', problem: 'is missing' }] }),
    ).toEqual(['stream-corrupt'])
    expect(
      blockersOf({ damaged: [{ path: 'inspect/images.json', problem: 'is missing' }] }),
    ).toEqual([])

    const encrypted = manifest()
    expect(
      blockersOf({
        snapshot: {
          ...encrypted,
          artifacts: encrypted.artifacts.map(each => ({ ...each, encryption: 'age' as const })),
        },
      }),
    ).toContain('wrong-key')

    const old = {
      counts: null,
      blockers: [{ code: 'version-mismatch', message: 'older', hint: 'newer' }],
    }
    expect(blockersOf({ databases: { 'database:db/main': old } })).toEqual(['version-mismatch'])
    expect(
      makeRestorePlan(lost({ images: ['sha256:app'] })).plan.blockers.map(each => each.message),
    ).toEqual([expect.stringContaining('db:1')])
    expect(
      blockersOf({
        places: {
          ...facts().places,
          'volume:demo_files': { ...gone, state: 'unknown', problem: 'no right' },
        },
      }),
    ).toContain('path-missing')
  })

  it.each(['/', '/etc', '/usr/bin', '/proc/1', '/srv/../etc', '/dev/shm/x'])(
    'never replaces what belongs to the system: %s',
    source => {
      const id = `bind:${source}`
      const snapshot = withItem(item(id, ['b.tar.zst']), [artifact('b.tar', id)])
      const { plan } = makeRestorePlan(facts({ snapshot, only: [id], places: { [id]: present } }))
      expect(plan.blockers.map(each => each.code)).toContain('not-supported')
    },
  )

  it('says what is not in the snapshot, and refuses it when it is asked for by name', () => {
    const id = 'volume:demo_more'
    const snapshot = withItem(item(id, [], { outcome: 'failed', error: 'tar ended with 2' }), [])
    const all = makeRestorePlan(facts({ snapshot: { ...snapshot, outcome: 'partial' } }))
    expect(all.plan.blockers).toEqual([])
    expect(all.incomplete).toBe(true)
    expect(all.plan.notRestored.find(each => each.item === id)?.reason).toContain(
      'tar ended with 2',
    )
    expect(all.plan.warnings.join(' ')).toContain('partial')
    const named = makeRestorePlan(facts({ snapshot, only: [id] }))
    expect(named.plan.blockers.map(each => each.code)).toContain('restore-failed')
    expect(() => makeRestorePlan(facts({ only: ['volume:demo_file'] }))).toThrow(
      expect.objectContaining({
        code: 'unknown-item',
        hint: expect.stringContaining('volume:demo_files') as string,
      }),
    )
  })
})
