import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { docker, labEngine } from '../../lab/docker.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import { startProxy } from '../../lab/proxy.ts'
import type { BackupReport } from '../../src-main/contract/model.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { sweepHelpers } from '../../src-main/engine/hosts/sweep-helpers.ts'
import type { BackupInput } from '../../src-main/engine/runs/backup.ts'
import { backupStack } from '../../src-main/engine/runs/backup.ts'
import { repairRuns } from '../../src-main/engine/runs/repair.ts'
import { repairBackups } from '../../src-main/engine/runs/repair-backups.ts'
import { openRepository } from '../../src-main/engine/store/repository.ts'
import type { Home, RecordedJob, SmallStack } from './capture-support.ts'
import {
  engineId,
  helpersOf,
  inVolume,
  makeContainer,
  makeHome,
  makeSmallStack,
  openLab,
  openWith,
  recordedJob,
  startBackup,
  statesOf,
} from './capture-support.ts'

const lab = docker(engineId)
let home: Home
let host: DockerHost
let stack: SmallStack

beforeAll(async () => {
  home = await makeHome()
  host = await openLab(home.deps)
  stack = await makeSmallStack(60, { how: 'stop' })
})
afterAll(async () => {
  await host.close()
  await stack[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

function repositoryAt(folder: string) {
  return openRepository(folder, { create: true, version: 'test' })
}

async function backUp(job: RecordedJob, change: Partial<BackupInput> = {}): Promise<BackupReport> {
  const repository = change.repository ?? (await repositoryAt(home.repository))
  return backupStack({ deps: home.deps, host, stack: stack.name, job, ...change, repository })
}

function filesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** Everything is as before the run: containers, helpers, journal, repository. */
async function expectClean(before: unknown, snapshots: readonly string[], pid = process.pid) {
  expect(await statesOf(stack.app, stack.web, stack.idle)).toEqual(before)
  await waitFor('helpers to go', async () => (await helpersOf(pid)).length === 0)
  expect(filesIn(path.join(home.deps.paths.state, 'journal'))).toEqual([])
  expect(filesIn(path.join(home.deps.paths.cache, 'work'))).toEqual([])
  const repository = await repositoryAt(home.repository)
  expect(await repository.partials()).toEqual([])
  const listed = await repository.list()
  expect(listed.map(each => each.id)).toEqual(snapshots)
  expect(listed.every(each => each.outcome === 'complete')).toBe(true)
}

async function now(): Promise<{ states: unknown; snapshots: readonly string[] }> {
  const repository = await repositoryAt(home.repository)
  const snapshots = (await repository.list()).map(each => each.id)
  return { states: await statesOf(stack.app, stack.web, stack.idle), snapshots }
}

describe('a backup that is cancelled', () => {
  it.each([
    'Looking at',
    'Planning',
    'Making app quiet',
    'Stopped app.',
    'Taking the consistent point',
    'Copying',
    'bytes 20',
    'Started app again.',
    'Finishing',
  ])('at %j puts everything back', async point => {
    await backUp(recordedJob())
    const before = await now()
    const job = recordedJob()
    let aborted = 0
    job.onStep = step => {
      const at = point === 'bytes 20' ? job.bytes() > 20_000_000 : step.startsWith(point)
      if (!at || aborted > 0) return
      aborted = performance.now()
      job.controller.abort()
    }
    await expect(backUp(job)).rejects.toSatisfy(error => error instanceof Error)
    expect(aborted).toBeGreaterThan(0)
    // Ten seconds is the promise; the machine that runs this may be slow.
    expect(performance.now() - aborted).toBeLessThan(60_000)
    await expectClean(before.states, before.snapshots)
  })
})

describe('a backup that is killed', () => {
  /** What every start does: it repairs, and sweeps each host that it opens. */
  async function nextStart(): Promise<void> {
    await repairRuns(home.deps, () => Promise.resolve(host))
    await sweepHelpers(host)
  }

  const rounds = Number(process.env['LIFEBOAT_TEST_KILLS'] ?? 4)

  it(
    'leaves nothing that the next start does not put right, and the last good one intact',
    {
      timeout: 60_000 * (rounds + 2),
    },
    async () => {
      await backUp(recordedJob())
      const before = await now()
      // How long an undisturbed run takes here and now, so that kills come all along it.
      const started = performance.now()
      const whole = startBackup(home, stack.name)
      await whole.said('report')
      await whole.ended
      const length = performance.now() - started
      const repository = await repositoryAt(home.repository)
      const good = (await repository.list()).map(each => each.id)
      expect(good.length).toBe(before.snapshots.length + 1)
      for (let round = 0; round < rounds; round += 1) {
        const child = startBackup(home, stack.name)
        const moment = (length * (round + Math.random())) / rounds
        await new Promise(resolve => setTimeout(resolve, moment))
        child.kill('SIGKILL')
        await child.ended
        const finished = child.lines.some(each => each.startsWith('report'))
        await nextStart()
        await waitFor('the services to be as before', async () => {
          const states = await statesOf(stack.app, stack.web, stack.idle)
          return JSON.stringify(states) === JSON.stringify(before.states)
        })
        const listed = await repository.list()
        const fresh = listed.filter(each => !good.includes(each.id))
        // A kill after the rename leaves a whole snapshot; before it, none.
        expect(fresh.length).toBeLessThanOrEqual(1)
        if (finished) expect(fresh).toHaveLength(1)
        good.unshift(...fresh.map(each => each.id))
        // The engine may still be making what the dead process had asked for, and a switch that was never
        // spoken to waits 75 s before it ends itself.
        const left = async (): Promise<boolean> => {
          await sweepHelpers(host)
          return (await helpersOf(child.pid)).length === 0
        }
        await waitFor('helpers of the killed run to go', left, { timeoutMs: 180_000 })
        await expectClean(before.states, good, child.pid)
        for (const { folder } of listed) {
          execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: folder })
        }
      }
    },
  )

  it('has its services brought back at the next start where no switch could do it', async () => {
    const before = await now()
    const child = startBackup(home, stack.name, 'Stopped app')
    await child.said('held')
    // As if no image on the host could run the switch.
    const format = '{{.ID}}'
    const filter = ['--filter', 'label=io.lifeboat.helper=dead-man']
    const switches = await lab.run(['ps', '-q', '--no-trunc', ...filter, '--format', format])
    const own = await helpersOf(child.pid)
    const dead = switches
      .split('\n')
      .filter(id => id !== '' && own.some(each => each.startsWith(id)))
    await lab.run(['rm', '-f', ...dead])
    child.kill('SIGKILL')
    await child.ended
    expect((await lab.containerState(stack.app.id)).status).toBe('exited')
    const actions = await repairBackups(home.deps, () => Promise.resolve(host))
    expect(actions).toContainEqual({
      what: 'app had been stopped by a backup that died',
      ok: true,
      detail: 'Started app.',
    })
    expect(actions.some(each => each.detail.startsWith('Removed '))).toBe(true)
    await expectClean(before.states, before.snapshots, child.pid)
    expect(await repairBackups(home.deps, () => Promise.resolve(host))).toEqual([])
  })

  it('is not touched by the repair of another start while it is alive', async () => {
    const child = startBackup(home, stack.name, 'Stopped app')
    await child.said('held')
    expect(await repairBackups(home.deps, () => Promise.resolve(host))).toEqual([])
    expect((await lab.containerState(stack.app.id)).status).toBe('exited')
    // Nor may a second backup of the stack begin.
    await expect(backUp(recordedJob())).rejects.toMatchObject({ code: 'locked' })
    child.kill('SIGKILL')
    await child.ended
    await repairBackups(home.deps, () => Promise.resolve(host))
    await waitFor(
      'the app',
      async () => (await lab.containerState(stack.app.id)).status === 'running',
    )
  })

  it('keeps its journal while the host cannot be reached', async () => {
    const child = startBackup(home, stack.name, 'Stopped app')
    await child.said('held')
    child.kill('SIGKILL')
    await child.ended
    const away = () => Promise.reject(new Error('no route to host'))
    const actions = await repairBackups(home.deps, away)
    expect(actions.map(each => each.ok)).toContain(false)
    expect(filesIn(path.join(home.deps.paths.state, 'journal'))).toHaveLength(1)
    await repairBackups(home.deps, () => Promise.resolve(host))
    expect(filesIn(path.join(home.deps.paths.state, 'journal'))).toEqual([])
    await waitFor(
      'the app',
      async () => (await lab.containerState(stack.app.id)).status === 'running',
    )
  })
})

describe('a backup whose consistent point is lost', () => {
  it('fails when somebody starts a service meanwhile', async () => {
    const before = await now()
    const job = recordedJob()
    let meddling: Promise<unknown> = Promise.resolve()
    job.onStep = step => {
      if (step === 'Stopped app.') meddling = lab.run(['start', stack.app.id])
    }
    await expect(backUp(job)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('app') as unknown,
      state: expect.stringContaining('removed') as unknown,
    })
    await meddling
    await expectClean(before.states, before.snapshots)
  })

  it('fails when the switch on the host is lost', async () => {
    const before = await now()
    const job = recordedJob()
    job.onStep = step => {
      if (step !== 'Stopped app.') return
      const filter = ['--filter', 'label=io.lifeboat.helper=dead-man']
      const [found] = execFileSync('docker', ['ps', '-q', '--no-trunc', ...filter], {
        env: lab.environment,
      })
        .toString()
        .trim()
        .split('\n')
      execFileSync('docker', ['kill', found ?? ''], { env: lab.environment })
    }
    await expect(backUp(job)).rejects.toMatchObject({
      message: expect.stringContaining('dead-man switch') as unknown,
    })
    await expectClean(before.states, before.snapshots)
  })

  it('fails when a container is replaced after the plan', async () => {
    await using small = await makeSmallStack(1, { how: 'stop' })
    const job = recordedJob()
    job.onStep = step => {
      if (step === 'Planning') {
        execFileSync('docker', ['rm', '-f', small.app.id], { env: lab.environment })
      }
    }
    await expect(backUp(job, { stack: small.name })).rejects.toMatchObject({
      code: 'container-gone',
    })
    expect(filesIn(path.join(home.deps.paths.state, 'journal'))).toEqual([])
  })
})

describe('a backup with little at hand', () => {
  it('pauses what would not come back from a stop', async () => {
    await using small = await makeSmallStack(1, { how: 'stop', app: ['--rm'] })
    const job = recordedJob()
    const report = await backUp(job, { stack: small.name })
    expect(report.outcome).toBe('complete')
    expect(report.warnings.join()).toContain('app is paused, not stopped: the engine removes it')
    expect(job.notes.map(each => each.message)).toContain('Unpaused app again.')
    const volume = report.items.find(each => each.id === `volume:${small.volume}`)
    expect(volume?.consistency).toBe('crash-consistent')
    expect((await lab.containerState(small.app.id)).status).toBe('running')
  })

  it('pauses what has lost a folder that it needs to start', async () => {
    mkdirSync(path.join(home.folder, 'bound'), { recursive: true })
    const bound = path.join(home.folder, 'bound')
    const bind = ['--mount', `type=bind,source=${bound},target=/bound`]
    await using small = await makeSmallStack(1, { how: 'stop', app: bind })
    rmSync(bound, { recursive: true })
    const report = await backUp(recordedJob(), { stack: small.name })
    expect(report.warnings.join()).toContain('app is paused, not stopped: its bind')
    expect((await lab.containerState(small.app.id)).status).toBe('running')
  })

  it('says so when no image can run the switch, and goes on', async () => {
    const job = recordedJob()
    const poor: DockerHost = {
      ...host,
      startHelper: spec =>
        spec.purpose === 'dead-man'
          ? Promise.reject(new Error('no such image'))
          : host.startHelper(spec),
    }
    const report = await backUp(job, { host: poor })
    expect(report.outcome).toBe('complete')
    expect(report.warnings.join()).toContain('dead-man switch could not be started')
  })

  it('keeps both clocks and says so when that of the host is three hours ahead', async () => {
    const ahead: DockerHost = {
      ...host,
      async daemon() {
        const daemon = await host.daemon()
        const time = new Date(Date.parse(daemon.time) + 3 * 3_600_000).toISOString()
        return { ...daemon, time }
      },
    }
    const report = await backUp(recordedJob(), { host: ahead })
    expect(report.warnings.join()).toMatch(/clock of the host is (179|180|181) minutes ahead/)
    const repository = await repositoryAt(home.repository)
    const { clocks, startedAt } = await repository.readManifest(report.snapshot)
    const apart = Date.parse(clocks.host ?? '') - Date.parse(clocks.local)
    expect(Math.abs(apart - 3 * 3_600_000)).toBeLessThan(120_000)
    // The snapshot's own time is of this computer's clock, and so is its name.
    expect(Math.abs(Date.parse(startedAt) - Date.now())).toBeLessThan(600_000)
    const stamp = startedAt.slice(0, 16).replaceAll(/[-:]/g, '')
    expect(report.snapshot).toContain(stamp)
  })

  it('takes the volume of a service whose image has no shell', async () => {
    const volume = stack.volume
    const labels = [
      '--label',
      'com.docker.compose.project=' + stack.name + '-noshell',
      '--label',
      'com.docker.compose.service=tiny',
    ]
    await using tiny = await makeContainer(
      [...labels, '-v', `${volume}:/data`],
      'lab/noshell:1',
      [],
    )
    const report = await backUp(recordedJob(), { stack: `${stack.name}-noshell` })
    expect((await lab.containerState(tiny.id)).status).toBe('running')
    expect(report.items.find(each => each.id === `volume:${volume}`)?.outcome).toBe('complete')
  })

  it('reads volumes through the engine when no image on the host has a tar, and names the losses', async () => {
    const project = `${stack.name}-only`
    const labels = [`project=${project}`, 'service=tiny'].flatMap(each => [
      '--label',
      `com.docker.compose.${each}`,
    ])
    const mount = ['-v', `${stack.volume}:/data`]
    await using tiny = await makeContainer([...labels, ...mount], 'lab/noshell:1', [])
    const bare: DockerHost = {
      ...host,
      images: async () => (await host.images()).filter(each => each.tags.includes('lab/noshell:1')),
    }
    const report = await backUp(recordedJob(), { host: bare, stack: project })
    const item = report.items.find(each => each.id === `volume:${stack.volume}`)
    expect(item?.outcome).toBe('complete')
    expect(item?.warnings.join()).toContain('no image on the host has a tar')
    expect((await lab.containerState(tiny.id)).status).toBe('running')
    const repository = await repositoryAt(home.repository)
    const folder = repository.folderOf(report.snapshot)
    const [archive] = execFileSync('find', [folder, '-name', '*.tar.zst']).toString().split('\n')
    const names = execFileSync('tar', ['-tf', archive ?? '', '--zstd'])
      .toString()
      .split('\n')
    expect(names).toContain('./large')
    expect(names.filter(each => each.startsWith('./files/'))).toHaveLength(51)
  })

  it('refuses a stack that is not there, and makes nothing', async () => {
    const folder = path.join(home.folder, 'other-repository')
    const repository = await repositoryAt(folder)
    for (const name of ['$(touch canary)', 'a; touch canary', 'new\nline', '../up']) {
      await expect(backUp(recordedJob(), { stack: name, repository })).rejects.toMatchObject({
        code: 'unknown-stack',
        state: 'Nothing was changed.',
      })
    }
    expect(filesIn(folder).filter(each => !each.startsWith('.'))).toEqual([
      'lifeboat-repository.json',
    ])
    expect(existsSync('canary')).toBe(false)
  })
})

describe('a backup to a place that fails', () => {
  async function onSmallDisk(megabytes: number, work: (folder: string) => Promise<void>) {
    const folder = path.join(home.folder, `disk-${Math.random().toString(36).slice(2)}`)
    mkdirSync(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
    try {
      await work(folder)
    } finally {
      execFileSync('umount', ['--lazy', folder])
    }
  }

  it('refuses before it starts when the estimate does not fit', async () => {
    const before = await statesOf(stack.app)
    await onSmallDisk(30, async folder => {
      const repository = await repositoryAt(folder)
      await expect(backUp(recordedJob(), { repository })).rejects.toMatchObject({
        code: 'not-enough-space',
        state: 'Nothing was changed.',
        message: expect.stringMatching(/estimated/) as unknown,
      })
      expect(await repository.partials()).toEqual([])
    })
    expect(await statesOf(stack.app)).toEqual(before)
  })

  it('fails clean when the disk is full in the middle', async () => {
    const before = await now()
    await onSmallDisk(40, async folder => {
      const repository = await repositoryAt(folder)
      const blind = {
        ...repository,
        space: () => Promise.resolve({ freeBytes: null, largestFileBytes: null }),
      }
      Object.setPrototypeOf(blind, repository)
      const unaware = new Proxy(repository, {
        get(target, name) {
          if (name === 'space') return blind.space
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value
        },
      })
      await expect(backUp(recordedJob(), { repository: unaware })).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringMatching(/bytes\) are needed/) as unknown,
      })
      expect(await repository.partials()).toEqual([])
      expect(await repository.list()).toEqual([])
    })
    await expectClean(before.states, before.snapshots)
  })

  it('fails clean when the destination vanishes in the middle', async () => {
    const before = await now()
    const folder = path.join(home.folder, 'vanishing')
    const repository = await repositoryAt(folder)
    const job = recordedJob()
    job.onStep = step => {
      if (step.startsWith('Copying') && existsSync(folder)) rmSync(folder, { recursive: true })
    }
    await expect(backUp(job, { repository })).rejects.toMatchObject({
      code: 'destination-unwritable',
    })
    await expectClean(before.states, before.snapshots)
  })
})

describe('a backup over a bad line', () => {
  const exec = /^POST \/(?:v[\d.]+\/)?exec\/[^/]+\/start/

  it.each([
    ['is cut in the middle of a stream', { when: exec, cutAfterBytes: 20_000_000 }],
    ['loses the last frame of every stream', { when: exec, dropLastStdoutFrame: true }],
  ])('fails when it %s, and the services are back', async (_, fault) => {
    const before = await now()
    await using proxy = await startProxy(labEngine(engineId).socket)
    const through = (await openWith(home.deps, proxy.dockerHost)) as DockerHost
    const job = recordedJob()
    job.onStep = step => {
      if (step === 'Stopped app.') proxy.setFault(fault)
    }
    await expect(backUp(job, { host: through })).rejects.toSatisfy(error => {
      return [
        'stream-truncated',
        'stream-corrupt',
        'host-unreachable',
        'command-failed',
        'failed',
      ].includes((error as { code: string }).code)
    })
    expect(proxy.hits()).toBeGreaterThan(0)
    proxy.setFault(undefined)
    await through.close()
    await waitFor(
      'the app',
      async () => (await lab.containerState(stack.app.id)).status === 'running',
    )
    await expectClean(before.states, before.snapshots)
  })

  it('has its services started by the switch when the line is gone for good', async () => {
    const before = await now()
    const proxy = await startProxy(labEngine(engineId).socket)
    const opened = (await openWith(home.deps, proxy.dockerHost)) as DockerHost
    // As over SSH: where the socket is on the host has nothing to do with the way to it.
    const endpoint = labEngine(engineId).dockerHost
    const through = { ...opened, summary: { ...opened.summary, endpoint } }
    const job = recordedJob()
    job.onStep = step => {
      if (step.startsWith('Copying')) void proxy.close()
    }
    await expect(backUp(job, { host: through })).rejects.toMatchObject({
      state: expect.stringMatching(/could not be started again/) as unknown,
    })
    await waitFor(
      'the app',
      async () => (await lab.containerState(stack.app.id)).status === 'running',
    )
    // The journal stays until a start finds that all is well.
    expect(filesIn(path.join(home.deps.paths.state, 'journal'))).toHaveLength(1)
    await through.close()
    const journal = filesIn(path.join(home.deps.paths.state, 'journal'))[0] ?? ''
    rmSync(path.join(home.deps.paths.state, 'journal', journal))
    await expectClean(before.states, before.snapshots)
  })

  it('tells a volume that is gone from one that is empty', async () => {
    await using small = await makeSmallStack(1)
    await inVolume(small.volume, 'rm -rf /v/*')
    const report = await backUp(recordedJob(), { stack: small.name })
    expect(report.items.find(each => each.id === `volume:${small.volume}`)).toMatchObject({
      outcome: 'complete',
    })
  })
})
