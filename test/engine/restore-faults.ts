import { cp, open, readdir, rm } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { differences, onlyFacts, type StackState, withoutFacts } from '../../lab/fixtures/state.ts'
import { recordedJob } from './capture-support.ts'
import { killAndRepair, startRestore } from './restore-kills.ts'
import { makeScene, type Scene } from './restore-scene.ts'
import { codeOf, leftovers, restore } from './restore-support.ts'

interface Extent {
  /** How many times a restore is killed. */
  readonly kills: number
  /** Folders of the snapshot in which an archive is damaged. */
  readonly damaged: readonly string[]
}

/** What goes wrong in a restore, and that everything is as it was then. */
export function describeRestoreFaults({ kills, damaged }: Extent): void {
  describe('a restore that fails', () => {
    let scene: Scene

    beforeAll(async () => {
      scene = await makeScene()
    })
    afterAll(async () => {
      await scene[Symbol.asyncDispose]()
    })
    afterEach(async () => {
      expect(await leftovers(scene.bench)).toEqual([])
    })

    it('takes everything back by itself when the restored stack is not healthy', async () => {
      const { bench, stack } = scene
      const since = await scene.spoil('health')
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
      expect(await scene.differencesSince(since)).toEqual([])
    })

    it('is as before when it is cancelled while it switches', async () => {
      const since = await scene.spoil('cancelled')
      const job = recordedJob()
      job.onStep = what => {
        if (what.startsWith('Switched')) job.controller.abort()
      }
      expect(await codeOf(restore(scene.bench, { job }))).toBe('interrupted')
      expect(job.notes.some(each => each.message.startsWith('Switched'))).toBe(true)
      expect(await scene.differencesSince(since)).toEqual([])
    })

    it.each(damaged)(
      'leaves everything as it is when an archive in %s is damaged at its end',
      async kind => {
        const since = await scene.spoil(kind.replace('/', '_'))
        const { bench } = scene
        const folder = path.join(bench.repository.folderOf(bench.snapshot), kind)
        const names = await readdir(folder)
        const name = names.find(each => /\.(tar\.zst|dump)$/.test(each)) ?? ''
        const file = path.join(folder, name)
        await cp(file, `${file}.kept`)
        await spoilByte(file)
        try {
          expect(['stream-corrupt', 'restore-failed']).toContain(await codeOf(restore(bench)))
        } finally {
          await cp(`${file}.kept`, file)
          await rm(`${file}.kept`)
        }
        expect(await scene.differencesSince(since)).toEqual([])
      },
    )

    it('restores one item alone and touches nothing else', async () => {
      const { bench, stack, before } = scene
      const since = await scene.spoil('only')
      const id = `volume:${stack.volume('file_storage')}`
      const startedAt = (await stack.docker.containerState(await stack.container('postgres')))
        .startedAt
      const { report, error } = await restore(bench, { only: [id] })
      expect(error).toBeNull()
      expect(report.items.map(each => each.id)).toEqual([id])
      const now = await stack.describe()
      const own = /^file_storage/
      expect(
        differences(onlyFacts(before, 'file_storage'), onlyFacts(now, 'file_storage')),
      ).toEqual([])
      expect(differences(withoutFacts(since, own), withoutFacts(now, own))).toEqual([])
      const after = await stack.docker.containerState(await stack.container('postgres'))
      expect(after.startedAt).toBe(startedAt)
    })

    it(
      'killed at any moment, is put right by the next start, whole old or whole new',
      { timeout: 120_000 * (kills + 2) },
      async () => {
        const { bench, before } = scene
        await scene.spoil('first')
        // How long an undisturbed run takes here and now, so that kills come all along it.
        const started = performance.now()
        const whole = startRestore(bench)
        await whole.said('report')
        await whole.ended
        const length = performance.now() - started
        expect(await scene.differencesSince(before)).toEqual([])
        for (let round = 0; round < kills; round += 1) {
          const since = await scene.spoil(`round_${round}`)
          const child = startRestore(bench)
          const moment = (length * (round + Math.random())) / kills
          await new Promise(resolve => setTimeout(resolve, moment))
          const last = child.lines.at(-1) ?? 'nothing'
          const { finished, accepted } = await killAndRepair(bench, child)
          const now = await scene.differencesSince(finished || accepted ? before : since)
          expect(now, `killed after ${Math.round(moment)} ms, at: ${last}`).toEqual([])
        }
        const { error, report } = await restore(bench)
        expect(error).toBeNull()
        expect(report.outcome).toBe('complete')
        expect(await scene.differencesSince(before)).toEqual([])
      },
    )

    it('brings the whole stack back when nothing of it is left', async () => {
      const { bench, stack, before } = scene
      await stack.remove()
      const { error, report } = await restore(bench)
      expect(error).toBeNull()
      expect(report.outcome).toBe('complete')
      expect(report.health.ok).toBe(true)
      // There was nothing to keep, so there is nothing to go back to.
      expect(report.safetySnapshot).toBeNull()
      expect(report.undoUntil).toBeNull()
      // Of the project's own folder nothing is kept but what lies in it.
      const since = withoutFacts(before, /^folder \.$/)
      const now = withoutFacts(await healthy(scene), /^folder \.$/)
      expect(differences(since, now)).toEqual([])
      // Compose knows it all for its own, and finds nothing to do.
      const ids = await Promise.all(stack.services.map(each => stack.container(each)))
      await stack.compose(['up', '--detach'])
      expect(await Promise.all(stack.services.map(each => stack.container(each)))).toEqual(ids)
    })
  })
}

async function healthy({ stack }: Scene): Promise<StackState> {
  await stack.waitHealthy(stack.services)
  return await stack.describe()
}

/** Changes one bit close to the end of a file. */
async function spoilByte(file: string): Promise<void> {
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
}
