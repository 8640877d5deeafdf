import { cp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { ownerLabel, ownerValue } from '../../lab/docker.ts'
import { createStack, type LabStack } from '../../lab/fixtures/stack.ts'
import { differences, onlyFacts, type StackState, withoutFacts } from '../../lab/fixtures/state.ts'
import { gatherRestoreFacts } from '../../src-main/engine/restore/gather.ts'
import { makeRestorePlan } from '../../src-main/engine/restore/restore-plan.ts'
import { findUndo, listUndos } from '../../src-main/engine/restore/undo.ts'
import { engineId, recordedJob } from './capture-support.ts'
import type { Bench } from './restore-support.ts'
import { codeOf, inputOf, leftovers, makeBench, restore, undo, watched } from './restore-support.ts'

let stack: LabStack
let bench: Bench
let before: StackState

beforeAll(async () => {
  stack = await createStack('chatalot', { engine: engineId })
  before = await stack.describe()
  bench = await makeBench(stack)
})

afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

afterEach(async () => {
  expect(await leftovers(bench)).toEqual([])
})

/** A disaster of one's own for each test, so that each begins from a state that can be told apart. */
async function spoil(mark: string): Promise<StackState> {
  const sql = `truncate messages cascade; create table spoiled_${mark} (n int); insert into spoiled_${mark} values (1);`
  const psql = ['psql', '-v', 'ON_ERROR_STOP=1', '-U', 'chatalot', '-d', 'chatalot', '-c', sql]
  await stack.docker.run(['exec', await stack.container('postgres'), ...psql])
  const script = `rm -rf /data/files/0*; echo ${mark} > '/data/-spoiled ${mark}'; chmod 700 /data`
  await stack.docker.run(['exec', await stack.container('app'), 'sh', '-ec', script])
  await writeFile(path.join(stack.folder, 'secrets', 'public.pem'), mark)
  return await stack.describe()
}

function expectAsBefore(state: StackState, since: StackState): void {
  expect(differences(since, state)).toEqual([])
}

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
    const since = await spoil('safety')
    const { host, writes } = watched(bench.host)
    const failing = restore(bench, {
      host,
      takeSafetySnapshot: () => Promise.reject(new Error('disk full')),
    })
    expect(await codeOf(failing)).toBe('safety-snapshot-failed')
    expect(writes).toEqual([])
    // One that lacks what would be replaced is none: a snapshot of the volume alone is not enough for all.
    const whole = inputOf(bench).takeSafetySnapshot
    const lacking = restore(bench, {
      host,
      takeSafetySnapshot: items => whole(items.filter(each => each.startsWith('volume:'))),
    })
    expect(await codeOf(lacking)).toBe('safety-snapshot-failed')
    expectAsBefore(await stack.describe(), since)
  })

  it('shows what is there now beside the snapshot', async () => {
    await spoil('plan')
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
    // The app was stopped when it was lost, and is so again. Roles that the restore made stay: other
    // databases may have come to use them.
    const aside = /^container .*app|^postgres server role/
    expectAsBefore(withoutFacts(undone, aside), withoutFacts(lost, aside))
    expect(onlyFacts(undone, 'container')).toEqual(onlyFacts(lost, 'container'))

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

  it('takes everything back by itself when the restored stack is not healthy', async () => {
    const since = await spoil('health')
    await bench.home.deps.settings.update(settings => ({
      ...settings,
      policies: {
        [`${bench.host.summary.id}/${stack.name}`]: {
          healthUrl: 'http://127.0.0.1:65533/never',
          healthTimeoutMs: 1000,
        },
      },
    }))
    try {
      const { report, error } = await restore(bench)
      expect(report.outcome).toBe('failed')
      expect(report.rolledBack).toBe(true)
      expect(report.health.ok).toBe(false)
      expect(report.items.every(each => each.outcome === 'rolled-back')).toBe(true)
      expect(error?.code).toBe('rolled-back')
      expect(error?.message).toContain('did not become healthy')
      expect(error?.state).toContain('as it was before')
    } finally {
      await bench.home.deps.settings.update(settings => ({ ...settings, policies: {} }))
    }
    await stack.waitHealthy(['postgres', 'app'])
    expectAsBefore(await stack.describe(), since)
  })

  it('takes everything back when the switch of the last item fails', async () => {
    const since = await spoil('switch')
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
    await stack.waitHealthy(['postgres', 'app'])
    expectAsBefore(await stack.describe(), since)
  })

  it('leaves everything as it is when an archive turns out to be damaged at its end', async () => {
    const since = await spoil('damage')
    const folder = bench.repository.folderOf(bench.snapshot)
    for (const kind of ['volumes', 'databases/postgres']) {
      const names = await readdir(path.join(folder, kind))
      const name = names.find(each => /\.(tar\.zst|dump)$/.test(each)) ?? ''
      const file = path.join(folder, kind, name)
      await cp(file, `${file}.kept`)
      const handle = await open(file, 'r+')
      try {
        const { size } = await handle.stat()
        const last = Buffer.alloc(1)
        await handle.read(last, 0, 1, size - 10)
        last[0] = (last[0] ?? 0) ^ 1
        await handle.write(last, 0, 1, size - 10)
      } finally {
        await handle.close()
      }
      try {
        expect(['stream-corrupt', 'restore-failed']).toContain(await codeOf(restore(bench)))
      } finally {
        await cp(`${file}.kept`, file)
        await rm(`${file}.kept`)
      }
      expectAsBefore(await stack.describe(), since)
    }
  })

  it.each(['Staging', 'Loading', 'Stopping', 'Switching', 'Starting', 'Waiting'])(
    'is as before when it is cancelled while: %s',
    async moment => {
      const since = await spoil(moment.toLowerCase())
      const job = recordedJob()
      job.onStep = what => {
        if (what.startsWith(moment) && job.phases.some(each => each.stage === 'restore')) {
          job.controller.abort()
        }
      }
      const code = await codeOf(restore(bench, { job }))
      expect(job.controller.signal.aborted).toBe(true)
      expect(code).toBe('interrupted')
      await stack.waitHealthy(['postgres', 'app'])
      expectAsBefore(await stack.describe(), since)
    },
  )

  it('restores one item alone and touches nothing else', async () => {
    const since = await spoil('only')
    const id = `volume:${stack.volume('file_storage')}`
    const postgres = await stack.docker.inspect('container', await stack.container('postgres'))
    const { report, error } = await restore(bench, { only: [id] })
    expect(error).toBeNull()
    expect(report.items.map(each => each.id)).toEqual([id])
    const now = await stack.describe()
    expect(differences(onlyFacts(before, 'file_storage'), onlyFacts(now, 'file_storage'))).toEqual(
      [],
    )
    expect(
      differences(withoutFacts(since, /^file_storage/), withoutFacts(now, /^file_storage/)),
    ).toEqual([])
    const after = await stack.docker.inspect('container', await stack.container('postgres'))
    expect(after).toMatchObject({
      State: { StartedAt: (postgres as { State: { StartedAt: string } }).State.StartedAt },
    })
  })
})
