import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { docker, labEngine } from '../../lab/docker.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import { startProxy } from '../../lab/proxy.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import type { Repository } from '../../src-main/engine/store/repository.ts'
import { backUp, backupScene, expectClean, filesIn, now, repositoryAt } from './backup-scene.ts'
import {
  engineId,
  inVolume,
  makeContainer,
  makeSmallStack,
  openWith,
  recordedJob,
  statesOf,
} from './capture-support.ts'

const lab = docker(engineId)
const scene = backupScene()

describe('a backup whose consistent point is lost', () => {
  it('fails when somebody starts a service meanwhile', async () => {
    const before = await now(scene)
    const job = recordedJob()
    let meddling: Promise<unknown> = Promise.resolve()
    job.onStep = step => {
      if (step === 'Stopped app.') meddling = lab.run(['start', scene.stack.app.id])
    }
    await expect(backUp(scene, job)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('app') as unknown,
      state: expect.stringContaining('removed') as unknown,
    })
    await meddling
    await expectClean(scene, before.states, before.snapshots)
  })

  it('fails when the switch on the host is lost', async () => {
    const before = await now(scene)
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
    await expect(backUp(scene, job)).rejects.toMatchObject({
      message: expect.stringContaining('dead-man switch') as unknown,
    })
    await expectClean(scene, before.states, before.snapshots)
  })

  it('fails when a container is replaced after the plan', async () => {
    await using small = await makeSmallStack(1, { how: 'stop' })
    const job = recordedJob()
    job.onStep = step => {
      if (step === 'Planning') {
        execFileSync('docker', ['rm', '-f', small.app.id], { env: lab.environment })
      }
    }
    await expect(backUp(scene, job, { stack: small.name })).rejects.toMatchObject({
      code: 'container-gone',
    })
    expect(filesIn(path.join(scene.home.deps.paths.state, 'journal'))).toEqual([])
  })
})

describe('a backup with little at hand', () => {
  it('pauses what would not come back from a stop', async () => {
    await using small = await makeSmallStack(1, { how: 'stop', app: ['--rm'] })
    const job = recordedJob()
    const report = await backUp(scene, job, { stack: small.name })
    expect(report.outcome).toBe('complete')
    expect(report.warnings.join()).toContain('app is paused, not stopped: the engine removes it')
    expect(job.notes.map(each => each.message)).toContain('Unpaused app again.')
    const volume = report.items.find(each => each.id === `volume:${small.volume}`)
    expect(volume?.consistency).toBe('crash-consistent')
    expect((await lab.containerState(small.app.id)).status).toBe('running')
  })

  it('pauses what has lost a folder that it needs to start', async () => {
    mkdirSync(path.join(scene.home.folder, 'bound'), { recursive: true })
    const bound = path.join(scene.home.folder, 'bound')
    const bind = ['--mount', `type=bind,source=${bound},target=/bound`]
    await using small = await makeSmallStack(1, { how: 'stop', app: bind })
    rmSync(bound, { recursive: true })
    const report = await backUp(scene, recordedJob(), { stack: small.name })
    expect(report.warnings.join()).toContain('app is paused, not stopped: its bind')
    expect((await lab.containerState(small.app.id)).status).toBe('running')
  })

  it('says so when no image can run the switch, and goes on', async () => {
    const job = recordedJob()
    const poor: DockerHost = {
      ...scene.host,
      startHelper: spec =>
        spec.purpose === 'dead-man'
          ? Promise.reject(new Error('no such image'))
          : scene.host.startHelper(spec),
    }
    const report = await backUp(scene, job, { host: poor })
    expect(report.outcome).toBe('complete')
    expect(report.warnings.join()).toContain('dead-man switch could not be started')
  })

  it('keeps both clocks and says so when that of the host is three hours ahead', async () => {
    const ahead: DockerHost = {
      ...scene.host,
      async daemon() {
        const daemon = await scene.host.daemon()
        const time = new Date(Date.parse(daemon.time) + 3 * 3_600_000).toISOString()
        return { ...daemon, time }
      },
    }
    const report = await backUp(scene, recordedJob(), { host: ahead })
    expect(report.warnings.join()).toMatch(/clock of the host is (179|180|181) minutes ahead/)
    const repository = await repositoryAt(scene.home.repository)
    const { clocks, startedAt } = await repository.readManifest(report.snapshot)
    const apart = Date.parse(clocks.host ?? '') - Date.parse(clocks.local)
    expect(Math.abs(apart - 3 * 3_600_000)).toBeLessThan(120_000)
    // The snapshot's own time is of this computer's clock, and so is its name.
    expect(Math.abs(Date.parse(startedAt) - Date.now())).toBeLessThan(600_000)
    const stamp = startedAt.slice(0, 16).replaceAll(/[-:]/g, '')
    expect(report.snapshot).toContain(stamp)
  })

  it('takes the volume of a service whose image has no shell', async () => {
    const volume = scene.stack.volume
    const labels = [
      '--label',
      'com.docker.compose.project=' + scene.stack.name + '-noshell',
      '--label',
      'com.docker.compose.service=tiny',
    ]
    await using tiny = await makeContainer(
      [...labels, '-v', `${volume}:/data`],
      'lab/noshell:1',
      [],
    )
    const report = await backUp(scene, recordedJob(), { stack: `${scene.stack.name}-noshell` })
    expect((await lab.containerState(tiny.id)).status).toBe('running')
    expect(report.items.find(each => each.id === `volume:${volume}`)?.outcome).toBe('complete')
  })

  it('reads volumes through the engine when no image on the host has a tar, and names the losses', async () => {
    const project = `${scene.stack.name}-only`
    const labels = [`project=${project}`, 'service=tiny'].flatMap(each => [
      '--label',
      `com.docker.compose.${each}`,
    ])
    const mount = ['-v', `${scene.stack.volume}:/data`]
    await using tiny = await makeContainer([...labels, ...mount], 'lab/noshell:1', [])
    const bare: DockerHost = {
      ...scene.host,
      images: async () =>
        (await scene.host.images()).filter(each => each.tags.includes('lab/noshell:1')),
    }
    const report = await backUp(scene, recordedJob(), { host: bare, stack: project })
    const item = report.items.find(each => each.id === `volume:${scene.stack.volume}`)
    expect(item?.outcome).toBe('complete')
    expect(item?.warnings.join()).toContain('no image on the host has a tar')
    expect((await lab.containerState(tiny.id)).status).toBe('running')
    const repository = await repositoryAt(scene.home.repository)
    const folder = repository.folderOf(report.snapshot)
    const [archive] = execFileSync('find', [folder, '-name', '*.tar.zst']).toString().split('\n')
    const names = execFileSync('tar', ['-tf', archive ?? '', '--zstd'])
      .toString()
      .split('\n')
    expect(names).toContain('./large')
    expect(names.filter(each => each.startsWith('./files/'))).toHaveLength(51)
  })

  it('refuses a stack that is not there, and makes nothing', async () => {
    const folder = path.join(scene.home.folder, 'other-repository')
    const repository = await repositoryAt(folder)
    for (const name of ['$(touch canary)', 'a; touch canary', 'new\nline', '../up']) {
      await expect(backUp(scene, recordedJob(), { stack: name, repository })).rejects.toMatchObject(
        {
          code: 'unknown-stack',
          state: 'Nothing was changed.',
        },
      )
    }
    expect(filesIn(folder).filter(each => !each.startsWith('.'))).toEqual([
      'lifeboat-repository.json',
    ])
    expect(existsSync('canary')).toBe(false)
  })
})

/** A repository on a disk that says other things of itself. */
function withSpace(repository: Repository, space: Awaited<ReturnType<Repository['space']>>) {
  return new Proxy(repository, {
    get(target, name) {
      if (name === 'space') return () => Promise.resolve(space)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
}

describe('a backup to a place that fails', () => {
  async function onSmallDisk(megabytes: number, work: (folder: string) => Promise<void>) {
    const folder = path.join(scene.home.folder, `disk-${Math.random().toString(36).slice(2)}`)
    mkdirSync(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
    try {
      await work(folder)
    } finally {
      execFileSync('umount', ['--lazy', folder])
    }
  }

  it('refuses before it starts when the estimate does not fit', async () => {
    const before = await statesOf(scene.stack.app)
    await onSmallDisk(30, async folder => {
      const repository = await repositoryAt(folder)
      await expect(backUp(scene, recordedJob(), { repository })).rejects.toMatchObject({
        code: 'not-enough-space',
        state: 'Nothing was changed.',
        message: expect.stringMatching(/estimated/) as unknown,
      })
      expect(await repository.partials()).toEqual([])
    })
    expect(await statesOf(scene.stack.app)).toEqual(before)
  })

  it('fails clean when the disk is full in the middle', async () => {
    const before = await now(scene)
    await onSmallDisk(40, async folder => {
      const repository = await repositoryAt(folder)
      const unaware = withSpace(repository, { freeBytes: null, largestFileBytes: null })
      await expect(backUp(scene, recordedJob(), { repository: unaware })).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringMatching(/bytes\) are needed/) as unknown,
      })
      expect(await repository.partials()).toEqual([])
      expect(await repository.list()).toEqual([])
    })
    await expectClean(scene, before.states, before.snapshots)
  })

  it('names beforehand what may be too large for the file system', async () => {
    const folder = path.join(scene.home.folder, 'fat')
    const job = recordedJob()
    const space = { freeBytes: null, largestFileBytes: 1_000_000 }
    const repository = withSpace(await repositoryAt(folder), space)
    expect((await backUp(scene, job, { repository })).outcome).toBe('complete')
    const [warning] = job.notes.filter(({ message }) => message.includes('FAT'))
    expect(warning).toMatchObject({ level: 'warning' })
    expect(warning?.message).toContain(`volume:${scene.stack.volume}`)
  })

  it('fails clean when the destination vanishes in the middle', async () => {
    const before = await now(scene)
    const folder = path.join(scene.home.folder, 'vanishing')
    const repository = await repositoryAt(folder)
    const job = recordedJob()
    job.onStep = step => {
      if (step.startsWith('Copying') && existsSync(folder)) rmSync(folder, { recursive: true })
    }
    await expect(backUp(scene, job, { repository })).rejects.toMatchObject({
      code: 'destination-unwritable',
    })
    await expectClean(scene, before.states, before.snapshots)
  })
})

describe('a backup over a bad line', () => {
  const exec = /^POST \/(?:v[\d.]+\/)?exec\/[^/]+\/start/

  it.each([
    ['is cut in the middle of a stream', { when: exec, cutAfterBytes: 20_000_000 }],
    ['loses the last frame of every stream', { when: exec, dropLastStdoutFrame: true }],
  ])('fails when it %s, and the services are back', async (_, fault) => {
    const before = await now(scene)
    await using proxy = await startProxy(labEngine(engineId).socket)
    const through = (await openWith(scene.home.deps, proxy.dockerHost)) as DockerHost
    const job = recordedJob()
    job.onStep = step => {
      if (step === 'Stopped app.') proxy.setFault(fault)
    }
    await expect(backUp(scene, job, { host: through })).rejects.toSatisfy(error => {
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
      async () => (await lab.containerState(scene.stack.app.id)).status === 'running',
    )
    await expectClean(scene, before.states, before.snapshots)
  })

  it('tells a volume that is gone from one that is empty', async () => {
    await using small = await makeSmallStack(1)
    await inVolume(small.volume, 'rm -rf /v/*')
    const report = await backUp(scene, recordedJob(), { stack: small.name })
    expect(report.items.find(each => each.id === `volume:${small.volume}`)).toMatchObject({
      outcome: 'complete',
    })
  })
})
