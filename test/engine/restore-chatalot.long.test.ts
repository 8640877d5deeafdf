import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { ownerLabel, ownerValue } from '../../lab/docker.ts'
import { psql } from '../../lab/fixtures/describe.ts'
import type { LabStack } from '../../lab/fixtures/stack.ts'
import { differences, onlyFacts, type StackState, withoutFacts } from '../../lab/fixtures/state.ts'
import { gatherRestoreFacts } from '../../src-main/engine/restore/gather.ts'
import { makeRestorePlan } from '../../src-main/engine/restore/restore-plan.ts'
import { findUndo, listUndos } from '../../src-main/engine/restore/undo.ts'
import { recordedJob } from './capture-support.ts'
import { makeScene, type Scene } from './restore-scene.ts'
import type { Bench } from './restore-support.ts'
import { codeOf, inputOf, leftovers, restore, undo, watched } from './restore-support.ts'

let scene: Scene
let stack: LabStack
let bench: Bench
let before: StackState

beforeAll(async () => {
  scene = await makeScene()
  ;({ stack, bench, before } = scene)
})

afterAll(async () => {
  await scene[Symbol.asyncDispose]()
})

afterEach(async () => {
  expect(await leftovers(bench)).toEqual([])
})

function expectAsBefore(state: StackState, since: StackState): void {
  expect(differences(since, state)).toEqual([])
}

/** What is told apart where a dump has no other way: it leaves out grants that go without saying. */
const serverFacts = ['postgres server', 'postgres chatalot rows public.messages']

describe('restore/chatalot', () => {
  it('refuses a confirmation that is not the name, letter by letter, without any call to the host', async () => {
    const { host, writes } = watched(bench.host)
    const untouchable = new Proxy(host, {
      get(target, name) {
        if (name === 'summary' || name === 'kind') return target[name]
        throw new Error(`the host was asked for ${String(name)}`)
      },
    })
    const { name } = stack
    expect(await codeOf(restore(bench, { host: untouchable, confirm: '' }))).toBe(
      'confirmation-needed',
    )
    for (const confirm of [
      name.toUpperCase(),
      `${name} `,
      ` ${name}`,
      name.replace('a', 'а'),
      `${name}\n`,
      name.slice(0, -1),
    ]) {
      expect(await codeOf(restore(bench, { host: untouchable, confirm }))).toBe(
        'confirmation-mismatch',
      )
    }
    expect(writes).toEqual([])
  })

  it('refuses another engine, foreign users of the data, damage and unknown items, with no write', async () => {
    const { host, writes } = watched(bench.host)
    const { daemon } = bench.host.summary
    const other = new Proxy(host, {
      get(target, name: keyof typeof host) {
        if (name === 'summary') {
          return { ...target.summary, daemon: { ...daemon, id: 'another-engine' } }
        }
        if (name === 'daemon') {
          return async () => ({ ...(await target.daemon()), id: 'another-engine' })
        }
        return target[name]
      },
    })
    expect(await codeOf(restore(bench, { host: other }))).toBe('wrong-host')

    const outsider = (
      await stack.docker.run([
        ...['run', '-d', '--network=none', '--label', `${ownerLabel}=${ownerValue}`],
        ...['-v', `${stack.volume('file_storage')}:/x:ro`, 'lab/base:1', 'sleep', '100000'],
      ])
    ).trim()
    try {
      expect(await codeOf(restore(bench, { host }))).toBe('busy-target')
    } finally {
      await stack.docker.run(['rm', '-f', outsider])
    }

    expect(await codeOf(restore(bench, { host, only: ['volume:nope'] }))).toBe('unknown-item')

    const folder = bench.repository.folderOf(bench.snapshot)
    const volumes = await readdir(path.join(folder, 'volumes'))
    const archive = volumes.find(each => each.endsWith('.tar.zst')) ?? ''
    const file = path.join(folder, 'volumes', archive)
    const bytes = await readFile(file)
    await writeFile(file, bytes.subarray(0, bytes.length - 100))
    try {
      expect(await codeOf(restore(bench, { host }))).toBe('stream-corrupt')
    } finally {
      await writeFile(file, bytes)
    }
    expect(writes).toEqual([])
    expectAsBefore(await stack.describe(), before)
  })

  it('does not begin without a whole safety snapshot', async () => {
    const since = await scene.spoil('safety')
    const { host, writes } = watched(bench.host)
    const failing = restore(bench, {
      host,
      takeSafetySnapshot: () => Promise.reject(new Error('disk full')),
    })
    expect(await codeOf(failing)).toBe('safety-snapshot-failed')
    expect(writes).toEqual([])
    // One that lacks what would be replaced is none: a snapshot of the volume alone is not enough for all.
    const whole = inputOf({ ...bench, deps: bench.home.deps }).takeSafetySnapshot
    const lacking = restore(bench, {
      host,
      takeSafetySnapshot: items => whole(items.filter(each => each.startsWith('volume:'))),
    })
    expect(await codeOf(lacking)).toBe('safety-snapshot-failed')
    expect(await scene.differencesSince(since)).toEqual([])
  })

  it('shows what is there now beside the snapshot', async () => {
    await scene.spoil('plan')
    const facts = await gatherRestoreFacts({
      host: bench.host,
      deps: bench.home.deps,
      repository: bench.repository,
      snapshot: bench.snapshot,
      only: null,
      signal: new AbortController().signal,
    })
    const { plan } = makeRestorePlan(facts)
    expect(plan.blockers).toEqual([])
    const database = plan.differences.find(each => each.item === 'database:postgres/chatalot')
    expect(database?.snapshot).toContain('public.messages 2,000')
    expect(database?.now).toContain('public.messages 1,000')
    expect(database?.now).toContain('public.spoiled_plan 1')
    expect(database?.replaces).toBe(true)
    const volume = plan.differences.find(each => each.item.startsWith('volume:'))
    expect(volume?.now).toMatch(/files and folders/)
    expect(plan.steps[0]?.action).toBe('safety-snapshot')
    expect(plan.steps.at(-1)?.action).toBe('finish')
  })

  it('brings everything back after the loss, and undo brings the loss back', async () => {
    await stack.lose()
    const lost = await stack.describe()
    const { report, error } = await restore(bench)
    expect(error).toBeNull()
    expect(report.outcome).toBe('complete')
    expect(report.rolledBack).toBe(false)
    expect(report.items.every(each => each.outcome === 'restored')).toBe(true)
    expectAsBefore(await stack.describe(), before)

    const entries = await listUndos(bench.home.deps)
    expect(entries[0]?.restore).toBe(report.restore)
    const record = await findUndo(bench.home.deps, null, null)
    const back = await undo(bench, record)
    expect(back.error).toBeNull()
    const undone = await stack.describe()
    // The app was stopped when it was lost, and is so again.
    expectAsBefore(undone, lost)

    // Undone, it cannot be undone again; but the undo itself can be.
    expect(await codeOf(findUndo(bench.home.deps, null, record.restore))).toBe('nothing-to-undo')
    const again = await undo(
      bench,
      await findUndo(bench.home.deps, bench.repository.path, back.report.restore),
    )
    expect(again.error).toBeNull()
    expectAsBefore(
      withoutFacts(await stack.describe(), /^container/),
      withoutFacts(before, /^container/),
    )
    await stack.compose(['up', '--detach'])
    await stack.waitHealthy(['postgres', 'app'])
  })

  it('undoes the roles that it made for a database that was there, unless something uses them', async () => {
    const sql = async (text: string): Promise<string> =>
      await psql(
        stack.docker,
        { container: await stack.container('postgres'), user: 'chatalot' },
        'chatalot',
        text,
      )
    await sql(
      `reassign owned by "weiß-Rolle" to chatalot; drop owned by chatalot_reader, "weiß-Rolle";
       drop role chatalot_reader; drop role "weiß-Rolle";`,
    )
    const since = onlyFacts(await scene.spoil('roles'), ...serverFacts)
    expect(since['postgres server role chatalot_reader']).toBeUndefined()
    expect((await restore(bench)).error).toBeNull()
    expect(await scene.differencesSince(before)).toEqual([])
    const back = await undo(bench, await findUndo(bench.home.deps, null, null))
    expect(back.error).toBeNull()
    expectAsBefore(onlyFacts(await stack.describe(), ...serverFacts), since)

    expect((await restore(bench)).error).toBeNull()
    await sql('create database used_by_role owner chatalot_reader')
    const again = await undo(bench, await findUndo(bench.home.deps, null, null))
    expect(again.error).toBeNull()
    const roles = `select rolname from pg_roles where rolname in ('chatalot_reader', 'weiß-Rolle')`
    expect((await sql(roles)).trim()).toBe('chatalot_reader')
    await sql('drop database used_by_role')
    await sql('drop role chatalot_reader')
    expectAsBefore(onlyFacts(await stack.describe(), ...serverFacts), since)
    await stack.waitHealthy(stack.services)
  })

  it('takes everything back when the switch of the last item fails', async () => {
    const since = await scene.spoil('switch')
    const { host, writes } = watched(bench.host)
    // The third tree is not switched: two are, and must come back.
    const failing = new Proxy(host, {
      get(target, name: keyof typeof host) {
        if (name !== 'inContainer') return target[name]
        return (id: string) => {
          const place = target.inContainer(id)
          return {
            ...place,
            start: (argv: readonly string[], options?: object) => {
              if (argv.includes('activate') && activations++ === 2) {
                return Promise.reject(new Error('the helper is gone'))
              }
              return place.start(argv, options)
            },
          }
        }
      },
    })
    let activations = 0
    const { report, error } = await restore(bench, { host: failing })
    expect(report.rolledBack).toBe(true)
    expect(`${error?.message} ${error?.details}`).toContain('the helper is gone')
    expect(writes.some(each => each.startsWith('stop '))).toBe(true)
    expect(await scene.differencesSince(since)).toEqual([])
  })

  it.each(['Staging', 'Loading', 'Stopping', 'Switching', 'Starting', 'Waiting'])(
    'is as before when it is cancelled while: %s',
    async moment => {
      const since = await scene.spoil(moment.toLowerCase())
      const job = recordedJob()
      job.onStep = what => {
        if (what.startsWith(moment) && job.phases.some(each => each.stage === 'restore')) {
          job.controller.abort()
        }
      }
      const code = await codeOf(restore(bench, { job }))
      const errors = job.notes.filter(each => each.level === 'error').map(each => each.message)
      expect([code, job.controller.signal.aborted], errors.join('; ')).toEqual([
        'interrupted',
        true,
      ])
      expect(await scene.differencesSince(since)).toEqual([])
    },
  )
})
