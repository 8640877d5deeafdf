import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { describeMount } from '../../lab/fixtures/describe.ts'
import type { LabStack } from '../../lab/fixtures/stack.ts'
import { createStack } from '../../lab/fixtures/stack.ts'
import { differences, onlyFacts, withoutFacts } from '../../lab/fixtures/state.ts'
import { defaultPolicy } from '../../src-main/contract/model.ts'
import { detectStack } from '../../src-main/engine/detect/detect.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { makeBackupPlan } from '../../src-main/engine/plan/backup-plan.ts'
import { backupStack } from '../../src-main/engine/runs/backup.ts'
import type { Manifest } from '../../src-main/engine/store/manifest.ts'
import type { Repository } from '../../src-main/engine/store/repository.ts'
import { openRepository } from '../../src-main/engine/store/repository.ts'
import type { Home } from './capture-support.ts'
import {
  engineId,
  helpersOf,
  inVolume,
  makeHome,
  makeVolume,
  openLab,
  recordedJob,
} from './capture-support.ts'

let home: Home
let host: DockerHost
let stack: LabStack
let repository: Repository

beforeAll(async () => {
  home = await makeHome()
  host = await openLab(home.deps)
  stack = await createStack('chatalot', { engine: engineId, size: 'small', writing: true })
  repository = await openRepository(home.repository, { create: true, version: 'test' })
})
afterAll(async () => {
  await host.close()
  await stack[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

function journals(): readonly string[] {
  try {
    return readdirSync(path.join(home.deps.paths.state, 'journal'))
  } catch {
    return []
  }
}

/** A health check that falls into a pause may say unhealthy for one round. */
async function settledFacts(): Promise<Readonly<Record<string, string>>> {
  await stack.waitHealthy(stack.services)
  return stack.containerFacts()
}

async function nothingLeft(): Promise<void> {
  expect(await helpersOf()).toEqual([])
  expect(journals()).toEqual([])
  expect(await repository.partials()).toEqual([])
  const work = path.join(home.deps.paths.cache, 'work')
  expect(statSync(work, { throwIfNoEntry: false }) ? readdirSync(work) : []).toEqual([])
}

async function manifestOf(id: string): Promise<Manifest> {
  return repository.readManifest(id)
}

describe('a backup of a whole stack', () => {
  it('is complete, proved, and leaves the stack as it was', { timeout: 600_000 }, async () => {
    const before = await settledFacts()
    const volume = stack.volume('file_storage')
    const job = recordedJob()
    const report = await backupStack({ deps: home.deps, host, stack: stack.name, repository, job })
    expect(report.items.filter(each => each.outcome !== 'complete')).toEqual([])
    expect(report).toMatchObject({ outcome: 'complete', stack: stack.name })
    expect(report.downtimeMs).toBeGreaterThan(0)
    expect(await settledFacts()).toEqual(before)
    await nothingLeft()

    const manifest = await manifestOf(report.snapshot)
    const folder = repository.folderOf(report.snapshot)
    execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: folder })
    expect(manifest.items.map(each => each.id)).toEqual(
      expect.arrayContaining([
        'config:compose',
        'config:env',
        'config:secrets',
        'database:postgres/chatalot',
        `volume:${volume}`,
      ]),
    )
    const dump = manifest.items.find(each => each.id === 'database:postgres/chatalot')
    expect(dump?.countsExact).toBe(true)
    expect(Object.keys(dump?.counts ?? {}).length).toBeGreaterThan(1)
    expect(manifest.quiesce.services.map(each => each.service)).toEqual(['app'])

    // What is in the snapshot is what is on the host.
    for (const artifact of manifest.artifacts.filter(each => each.item.startsWith('config:'))) {
      const there = readFileSync(artifact.file?.hostPath ?? '')
      expect(readFileSync(path.join(folder, artifact.path)).equals(there)).toBe(true)
      const { mode, uid, gid } = statSync(artifact.file?.hostPath ?? '')
      expect(artifact.file).toMatchObject({ mode: mode & 0o7777, uid, gid })
    }
    for (const name of readdirSync(path.join(folder, 'inspect'))) {
      expect(statSync(path.join(folder, 'inspect', name)).mode & 0o777).toBe(0o600)
    }
    await using other = await makeVolume()
    const archive = manifest.artifacts.find(
      each => each.item === `volume:${volume}` && each.content === 'tar',
    )
    const unpack = 'zstd -dc | tar -xp --acls --xattrs "--xattrs-include=*" -f - -C /v'
    await stack.docker.run(
      [
        'run',
        '--rm',
        '-i',
        '--network=none',
        '-v',
        `${other.name}:/v`,
        'lab/base:1',
        'sh',
        '-c',
        unpack,
      ],
      { input: readFileSync(path.join(folder, archive!.path)) },
    )
    const files = (state: Readonly<Record<string, string>>) =>
      onlyFacts(state, 'files', 'odd', 'file')
    const changes = differences(
      files(await describeMount(stack.docker, volume)),
      files(await describeMount(stack.docker, other.name)),
    )
    expect(changes).toEqual([])

    // Progress is in source bytes, and all of them.
    const stored = report.items.reduce((sum, each) => sum + each.bytesIn, 0)
    expect(job.bytes()).toBeGreaterThanOrEqual(stored * 0.9)
    expect(job.itemsDone()).toBe(report.items.length)
  })

  it('does what its plan says and nothing else', { timeout: 600_000 }, async () => {
    const signal = new AbortController().signal
    const { inventory, helper } = await detectStack(host, stack.name, home.deps, signal)
    await helper?.close()
    const plan = makeBackupPlan(inventory, defaultPolicy, {
      repository: repository.path,
      lifeboatVersion: home.deps.version,
    })
    const job = recordedJob()
    await backupStack({ deps: home.deps, host, stack: stack.name, repository, job })
    const planned = new Set(
      plan.downtime.map(each => `${each.how === 'stop' ? 'Stopped' : 'Paused'} ${each.service}.`),
    )
    const back = new Set(
      plan.downtime.map(
        each => `${each.how === 'stop' ? 'Started' : 'Unpaused'} ${each.service} again.`,
      ),
    )
    const details = new Set(plan.steps.map(each => each.detail))
    const acts = job.notes.filter(each => each.level === 'info').map(each => each.message)
    expect(acts.length).toBeGreaterThan(2)
    for (const act of acts) {
      expect(planned.has(act) || back.has(act) || details.has(act), act).toBe(true)
    }
    expect(acts.filter(each => planned.has(each))).toHaveLength(plan.downtime.length)
  })

  it('writes no secret into notes, manifest or journal', { timeout: 600_000 }, async () => {
    const job = recordedJob()
    let journal = ''
    job.onStep = () => {
      for (const name of journals()) {
        journal += readFileSync(path.join(home.deps.paths.state, 'journal', name), 'utf8')
      }
    }
    const report = await backupStack({ deps: home.deps, host, stack: stack.name, repository, job })
    const env = readFileSync(path.join(stack.folder, '.env'), 'utf8')
    const secrets = env
      .split('\n')
      .map(line => line.slice(line.indexOf('=') + 1))
      .filter(value => value.length >= 8)
    expect(secrets.length).toBeGreaterThan(0)
    const folder = repository.folderOf(report.snapshot)
    const manifest = readFileSync(path.join(folder, 'manifest.json'), 'utf8')
    const said = JSON.stringify([job.notes, job.phases, report])
    expect(journal).not.toBe('')
    for (const secret of secrets) {
      for (const text of [manifest, said, journal]) expect(text).not.toContain(secret)
    }
  })

  it(
    'takes only what is asked for, and no other service is touched',
    { timeout: 600_000 },
    async () => {
      const before = await settledFacts()
      const job = recordedJob()
      const only = ['database:postgres/chatalot']
      const report = await backupStack({
        deps: home.deps,
        host,
        stack: stack.name,
        repository,
        job,
        only,
        origin: 'safety',
      })
      expect(report).toMatchObject({ outcome: 'complete', downtimeMs: 0 })
      expect(report.items.map(each => each.id)).toEqual(only)
      const manifest = await manifestOf(report.snapshot)
      expect(manifest.origin).toBe('safety')
      // Roles come with every database.
      expect(manifest.artifacts.map(each => each.item)).toContain('database:postgres/*')
      expect(withoutFacts(await settledFacts(), /health/i)).toEqual(withoutFacts(before, /health/i))
      await nothingLeft()
    },
  )

  it('is partial when one item fails, and keeps the others', { timeout: 600_000 }, async () => {
    const postgres = await stack.container('postgres')
    const job = recordedJob()
    let killed: Promise<unknown> = Promise.resolve()
    job.onStep = step => {
      if (!step.startsWith('Dumping chatalot')) return
      job.onStep = () => undefined
      killed = stack.docker.run(['kill', postgres])
    }
    try {
      const report = await backupStack({
        deps: home.deps,
        host,
        stack: stack.name,
        repository,
        job,
      })
      expect(report.outcome).toBe('partial')
      const failed = report.items.filter(each => each.outcome === 'failed').map(each => each.id)
      expect(failed).toContain('database:postgres/chatalot')
      expect(report.items.find(each => each.id.startsWith('volume:'))?.outcome).toBe('complete')
      expect((await manifestOf(report.snapshot)).outcome).toBe('partial')
      const listed = await repository.list()
      expect(listed.find(each => each.id === report.snapshot)?.outcome).toBe('partial')
    } finally {
      await killed
      await stack.docker.run(['start', postgres])
      await stack.waitHealthy(['postgres', 'app'])
    }
    await nothingLeft()
  })

  it('leaves the data in the volume alone while it reads it', { timeout: 600_000 }, async () => {
    const volume = stack.volume('file_storage')
    const look =
      'cd /v; find . -type f -path "./files/*" -printf "%p %s %T@ %C@\\n" | sort | sha256sum'
    const before = await inVolume(volume, look)
    await backupStack({ deps: home.deps, host, stack: stack.name, repository, job: recordedJob() })
    expect(await inVolume(volume, look)).toBe(before)
  })
})
