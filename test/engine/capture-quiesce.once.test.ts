import { readFile } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { docker } from '../../lab/docker.ts'
import type { QuiesceInput } from '../../src-main/engine/capture/quiesce.ts'
import { makeQuiesce } from '../../src-main/engine/capture/quiesce.ts'
import type { QuiesceTarget } from '../../src-main/engine/capture/quiesce-plan.ts'
import { openRunJournal } from '../../src-main/engine/capture/run-journal.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import type { Journal } from '../../src-main/engine/jobs/journal.ts'
import { readJournals } from '../../src-main/engine/jobs/journal.ts'
import type { Home, TestContainer } from './capture-support.ts'
import { engineId, makeContainer, makeHome, openLab } from './capture-support.ts'

const lab = docker(engineId)
const never = new AbortController().signal
let home: Home
let host: DockerHost

beforeAll(async () => {
  home = await makeHome()
  host = await openLab(home.deps)
})
afterAll(async () => {
  await host.close()
  await home[Symbol.asyncDispose]()
})

function target(
  container: TestContainer,
  how: 'stop' | 'pause',
  service = container.name,
): QuiesceTarget {
  return { containerId: container.id, service, how, graceMs: 10_000, insteadOfStop: null }
}

const empty: Omit<Journal, 'jobId'> = {
  kind: 'backup',
  pid: process.pid,
  processStart: null,
  startedAt: new Date().toISOString(),
  host: 'lab',
  daemonId: null,
  stack: 'x',
  quiesced: [],
  helpers: [],
  partialFolder: null,
  restore: null,
}

async function quiesceOf(
  waves: readonly (readonly QuiesceTarget[])[],
  change: Partial<QuiesceInput> = {},
) {
  const jobId = `q-${Math.random().toString(36).slice(2)}`
  const journal = await openRunJournal(home.deps.paths.state, { ...empty, jobId })
  const notes: string[] = []
  const note = (_level: string, message: string): void => void notes.push(message)
  const quiesce = makeQuiesce({ host, waves, journal, note, ...change })
  const onDisk = async (): Promise<Journal> => {
    const file = path.join(home.deps.paths.state, 'journal', `${jobId}.json`)
    return JSON.parse(await readFile(file, 'utf8')) as Journal
  }
  return { quiesce, notes, onDisk }
}

async function states(...containers: readonly TestContainer[]): Promise<readonly string[]> {
  return Promise.all(containers.map(async each => (await lab.containerState(each.id)).status))
}

describe('quiet time', () => {
  it('stops and pauses in waves, and brings all back in reverse', async () => {
    await using web = await makeContainer([])
    await using worker = await makeContainer([])
    const waves = [[target(web, 'stop', 'web')], [target(worker, 'pause', 'worker')]]
    const { quiesce, notes, onDisk } = await quiesceOf(waves)
    await quiesce.begin(never)
    expect(await states(web, worker)).toEqual(['exited', 'paused'])
    expect((await onDisk()).quiesced.map(each => [each.service, each.how])).toEqual([
      ['web', 'stop'],
      ['worker', 'pause'],
    ])
    expect(await quiesce.disturbance()).toBeNull()
    const report = await quiesce.resume(10_000)
    expect(await states(web, worker)).toEqual(['running', 'running'])
    expect(notes).toEqual([
      'Stopped web.',
      'Paused worker.',
      'Unpaused worker again.',
      'Started web again.',
    ])
    expect(report).toMatchObject({ problems: [], leftToRepair: false })
    expect(report.services.map(each => each.service)).toEqual(['web', 'worker'])
    for (const each of report.services) expect(each.milliseconds).toBeGreaterThan(0)
    expect(report.downtimeMs).toBeGreaterThanOrEqual(report.services[0]!.milliseconds - 5)
    expect((await onDisk()).quiesced).toEqual([])
    expect(await quiesce.resume(10_000)).toBe(report)
  })

  it('touches only what runs: stopped stays stopped, paused stays paused', async () => {
    await using stopped = await makeContainer([])
    await using paused = await makeContainer([])
    await using runs = await makeContainer([])
    await lab.run(['stop', '-t', '1', stopped.id])
    await lab.run(['pause', paused.id])
    const before = await lab.containerState(stopped.id)
    const all = [stopped, paused, runs]
    const { quiesce } = await quiesceOf([all.map(each => target(each, 'stop'))])
    await quiesce.begin(never)
    expect(await states(...all)).toEqual(['exited', 'paused', 'exited'])
    const report = await quiesce.resume(10_000)
    expect(await states(...all)).toEqual(['exited', 'paused', 'running'])
    expect(report.services.map(each => each.service)).toEqual([runs.name])
    expect(await lab.containerState(stopped.id)).toEqual(before)
    await lab.run(['unpause', paused.id])
  })

  it('writes the journal before it acts', async () => {
    await using container = await makeContainer([])
    let known: Journal | undefined
    const watched: DockerHost = {
      ...host,
      async stop(id, graceMs) {
        known = (await readJournals(home.deps.paths.state)).find(each =>
          each.quiesced.some(one => one.containerId === id),
        )
        await host.stop(id, graceMs)
      },
    }
    const { quiesce } = await quiesceOf([[target(container, 'stop', 'web')]], { host: watched })
    await quiesce.begin(never)
    await quiesce.resume(10_000)
    expect(known?.quiesced).toEqual([{ containerId: container.id, service: 'web', how: 'stop' }])
  })

  it('fails honestly when a container was replaced since the plan, and brings the others back', async () => {
    await using web = await makeContainer([])
    const old = await makeContainer([])
    await lab.run(['rm', '-f', old.id])
    const { quiesce } = await quiesceOf([[target(web, 'stop')], [target(old, 'stop')]])
    await expect(quiesce.begin(never)).rejects.toMatchObject({ code: 'container-gone' })
    expect(await states(web)).toEqual(['exited'])
    const report = await quiesce.resume(10_000)
    expect(report.problems).toEqual([])
    expect(await states(web)).toEqual(['running'])
  })

  it('notices that somebody has started a service meanwhile, even when it was stopped again', async () => {
    await using web = await makeContainer([])
    await using worker = await makeContainer([])
    const waves = [[target(web, 'stop', 'web'), target(worker, 'pause', 'worker')]]
    const { quiesce } = await quiesceOf(waves)
    await quiesce.begin(never)
    await lab.run(['start', web.id])
    await lab.run(['stop', '-t', '1', web.id])
    expect(await quiesce.disturbance()).toContain(`web (container ${web.name}) ran again`)
    await lab.run(['unpause', worker.id])
    expect(await quiesce.disturbance()).toContain('worker')
    await quiesce.resume(10_000)
    expect(await states(web, worker)).toEqual(['running', 'running'])
  })

  it('tells of a container that was removed while it was stopped, and has nothing left to repair', async () => {
    const web = await makeContainer([])
    const { quiesce, onDisk } = await quiesceOf([[target(web, 'stop', 'web')]])
    await quiesce.begin(never)
    await lab.run(['rm', '-f', web.id])
    const report = await quiesce.resume(10_000)
    expect(report.problems).toEqual([
      `The container of web (container ${web.name}) was removed by somebody else while it was stopped.`,
    ])
    expect(report.leftToRepair).toBe(false)
    expect((await onDisk()).quiesced).toEqual([])
  })

  it('keeps a service that will not start in the journal, and says so', async () => {
    await using web = await makeContainer([])
    const broken: DockerHost = {
      ...host,
      start: () => Promise.reject(new Error('port is already allocated')),
    }
    const waves = [[target(web, 'stop', 'web')]]
    const { quiesce, onDisk } = await quiesceOf(waves, { host: broken })
    await quiesce.begin(never)
    const report = await quiesce.resume(1)
    expect(report.problems[0]).toContain('could not be started again: port is already allocated')
    expect(report.leftToRepair).toBe(true)
    expect((await onDisk()).quiesced).toHaveLength(1)
  })

  it('brings back what an engine stops only after it was asked and did not answer', async () => {
    await using web = await makeContainer([])
    const deaf: DockerHost = {
      ...host,
      stop(id) {
        void lab.run(['stop', '-t', '2', id])
        return Promise.reject(new Error('no answer'))
      },
    }
    const late = { ...target(web, 'stop', 'web'), graceMs: 3000 }
    const { quiesce } = await quiesceOf([[late]], { host: deaf })
    await expect(quiesce.begin(never)).rejects.toThrow('no answer')
    await quiesce.resume(60_000)
    expect(await states(web)).toEqual(['running'])
  })

  it('does nothing once it is aborted', async () => {
    await using web = await makeContainer([])
    const { quiesce } = await quiesceOf([[target(web, 'stop')]])
    await expect(quiesce.begin(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop')
    expect(await states(web)).toEqual(['running'])
    expect((await quiesce.resume(1000)).services).toEqual([])
  })
})
