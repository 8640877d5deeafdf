import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { docker, labEngine } from '../../lab/docker.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import { startProxy } from '../../lab/proxy.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { sweepHelpers } from '../../src-main/engine/hosts/sweep-helpers.ts'
import { repairRuns } from '../../src-main/engine/runs/repair.ts'
import { repairBackups } from '../../src-main/engine/runs/repair-backups.ts'
import { backUp, backupScene, expectClean, filesIn, now, repositoryAt } from './backup-scene.ts'
import {
  engineId,
  helpersOf,
  openWith,
  recordedJob,
  startBackup,
  statesOf,
} from './capture-support.ts'

const lab = docker(engineId)
const scene = backupScene()

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
    await backUp(scene, recordedJob())
    const before = await now(scene)
    const job = recordedJob()
    let aborted = 0
    job.onStep = step => {
      const at = point === 'bytes 20' ? job.bytes() > 20_000_000 : step.startsWith(point)
      if (!at || aborted > 0) return
      aborted = performance.now()
      job.controller.abort()
    }
    await expect(backUp(scene, job)).rejects.toSatisfy(error => error instanceof Error)
    expect(aborted).toBeGreaterThan(0)
    // Ten seconds is the promise; the machine that runs this may be slow.
    expect(performance.now() - aborted).toBeLessThan(60_000)
    await expectClean(scene, before.states, before.snapshots)
  })
})

describe('a backup that is killed', () => {
  /** What every start does: it repairs, and sweeps each host that it opens. */
  async function nextStart(): Promise<void> {
    await repairRuns(scene.home.deps, () => Promise.resolve(scene.host))
    await sweepHelpers(scene.host)
  }

  const rounds = Number(process.env['LIFEBOAT_TEST_KILLS'] ?? 4)

  it(
    'leaves nothing that the next start does not put right, and the last good one intact',
    {
      timeout: 60_000 * (rounds + 2),
    },
    async () => {
      await backUp(scene, recordedJob())
      const before = await now(scene)
      // How long an undisturbed run takes here and now, so that kills come all along it.
      const started = performance.now()
      const whole = startBackup(scene.home, scene.stack.name)
      await whole.said('report')
      await whole.ended
      const length = performance.now() - started
      const repository = await repositoryAt(scene.home.repository)
      const good = (await repository.list()).map(each => each.id)
      expect(good.length).toBe(before.snapshots.length + 1)
      for (let round = 0; round < rounds; round += 1) {
        const child = startBackup(scene.home, scene.stack.name)
        const moment = (length * (round + Math.random())) / rounds
        await new Promise(resolve => setTimeout(resolve, moment))
        child.kill('SIGKILL')
        await child.ended
        const finished = child.lines.some(each => each.startsWith('report'))
        await nextStart()
        await waitFor('the services to be as before', async () => {
          const states = await statesOf(scene.stack.app, scene.stack.web, scene.stack.idle)
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
          await sweepHelpers(scene.host)
          return (await helpersOf(child.pid)).length === 0
        }
        await waitFor('helpers of the killed run to go', left, { timeoutMs: 180_000 })
        await expectClean(scene, before.states, good, child.pid)
        for (const { folder } of listed) {
          execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: folder })
        }
      }
    },
  )

  it('has its services brought back at the next start where no switch could do it', async () => {
    const before = await now(scene)
    const child = startBackup(scene.home, scene.stack.name, 'Stopped app')
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
    expect((await lab.containerState(scene.stack.app.id)).status).toBe('exited')
    const actions = await repairBackups(scene.home.deps, () => Promise.resolve(scene.host))
    expect(actions).toContainEqual({
      what: 'app had been stopped by a backup that died',
      ok: true,
      detail: 'Started app.',
    })
    expect(actions.some(each => each.detail.startsWith('Removed '))).toBe(true)
    await expectClean(scene, before.states, before.snapshots, child.pid)
    expect(await repairBackups(scene.home.deps, () => Promise.resolve(scene.host))).toEqual([])
  })

  it('is not touched by the repair of another start while it is alive', async () => {
    const child = startBackup(scene.home, scene.stack.name, 'Stopped app')
    await child.said('held')
    expect(await repairBackups(scene.home.deps, () => Promise.resolve(scene.host))).toEqual([])
    expect((await lab.containerState(scene.stack.app.id)).status).toBe('exited')
    // Nor may a second backup of the stack begin.
    await expect(backUp(scene, recordedJob())).rejects.toMatchObject({ code: 'locked' })
    child.kill('SIGKILL')
    await child.ended
    await repairBackups(scene.home.deps, () => Promise.resolve(scene.host))
    await waitFor(
      'the app',
      async () => (await lab.containerState(scene.stack.app.id)).status === 'running',
    )
  })

  it('keeps its journal while the host cannot be reached', async () => {
    const child = startBackup(scene.home, scene.stack.name, 'Stopped app')
    await child.said('held')
    child.kill('SIGKILL')
    await child.ended
    const away = () => Promise.reject(new Error('no route to host'))
    const actions = await repairBackups(scene.home.deps, away)
    expect(actions.map(each => each.ok)).toContain(false)
    expect(filesIn(path.join(scene.home.deps.paths.state, 'journal'))).toHaveLength(1)
    await repairBackups(scene.home.deps, () => Promise.resolve(scene.host))
    expect(filesIn(path.join(scene.home.deps.paths.state, 'journal'))).toEqual([])
    await waitFor(
      'the app',
      async () => (await lab.containerState(scene.stack.app.id)).status === 'running',
    )
  })
})

describe('a backup over a line that is gone for good', () => {
  it('has its services started by the switch when the line is gone for good', async () => {
    const before = await now(scene)
    const proxy = await startProxy(labEngine(engineId).socket)
    const opened = (await openWith(scene.home.deps, proxy.dockerHost)) as DockerHost
    // As over SSH: where the socket is on the host has nothing to do with the way to it.
    const endpoint = labEngine(engineId).dockerHost
    const through = { ...opened, summary: { ...opened.summary, endpoint } }
    const job = recordedJob()
    job.onStep = step => {
      if (step.startsWith('Copying')) void proxy.close()
    }
    await expect(backUp(scene, job, { host: through })).rejects.toMatchObject({
      state: expect.stringMatching(/could not be started again/) as unknown,
    })
    await waitFor(
      'the app',
      async () => (await lab.containerState(scene.stack.app.id)).status === 'running',
    )
    // The journal stays until a start finds that all is well.
    expect(filesIn(path.join(scene.home.deps.paths.state, 'journal'))).toHaveLength(1)
    await through.close()
    const journal = filesIn(path.join(scene.home.deps.paths.state, 'journal'))[0] ?? ''
    rmSync(path.join(scene.home.deps.paths.state, 'journal', journal))
    await expectClean(scene, before.states, before.snapshots)
  })
})
