import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { docker } from '../../lab/docker.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import type { DeadMan } from '../../src-main/engine/capture/dead-man.ts'
import { armDeadMan } from '../../src-main/engine/capture/dead-man.ts'
import type { HelperTools } from '../../src-main/engine/hosts/helper.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import type { Home } from './capture-support.ts'
import {
  engineId,
  helpersOf,
  makeContainer,
  makeHome,
  makeSmallStack,
  openLab,
  startBackup,
  statesOf,
} from './capture-support.ts'

const lab = docker(engineId)
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

async function arm(
  client: NonNullable<HelperTools['socketClient']>,
  acts: Parameters<typeof armDeadMan>[0]['acts'],
  engine?: string,
): Promise<DeadMan> {
  return armDeadMan({
    host,
    image: 'lab/base:1',
    client,
    engineId: engine ?? (await host.daemon()).id,
    acts,
    onStarted: () => Promise.resolve(),
  })
}

async function isGone(containerId: string): Promise<boolean> {
  return (await lab.try(['inspect', containerId])).code !== 0
}

describe.each(['perl', 'python3', 'curl'] as const)('the switch on the host, with %s', client => {
  it('starts and unpauses what is listed when our end goes, and removes itself', async () => {
    await using stopped = await makeContainer([])
    await using paused = await makeContainer([])
    await using unlisted = await makeContainer([])
    const deadMan = await arm(client, [
      { verb: 'start', containerId: stopped.id },
      { verb: 'unpause', containerId: paused.id },
    ])
    for (const each of [stopped, unlisted]) await lab.run(['stop', '-t', '1', each.id])
    await lab.run(['pause', paused.id])
    deadMan.abandon()
    await waitFor('the services', async () => {
      const states = [stopped, paused].map(each => lab.containerState(each.id))
      return (await Promise.all(states)).every(each => each.status === 'running')
    })
    await waitFor('the switch to go', () => isGone(deadMan.containerId))
    expect((await lab.containerState(unlisted.id)).status).toBe('exited')
  })

  it('touches nothing when it is told that all is done', async () => {
    await using stopped = await makeContainer([])
    const deadMan = await arm(client, [{ verb: 'start', containerId: stopped.id }])
    await lab.run(['stop', '-t', '1', stopped.id])
    await deadMan.disarm()
    await waitFor('the switch to go', () => isGone(deadMan.containerId))
    expect((await lab.containerState(stopped.id)).status).toBe('exited')
  })
})

describe('the switch on the host', () => {
  it('has the socket and nothing else', async () => {
    const deadMan = await arm('perl', [])
    const found = await lab.inspect<{
      HostConfig: { NetworkMode: string; AutoRemove: boolean; LogConfig: { Type: string } }
      Mounts: readonly { Destination: string; Type: string }[]
    }>('container', deadMan.containerId)
    expect(found.Mounts.filter(each => each.Type === 'bind').map(each => each.Destination)).toEqual(
      ['/run/lifeboat-docker.sock'],
    )
    expect(found.HostConfig).toMatchObject({
      NetworkMode: 'none',
      AutoRemove: true,
      LogConfig: { Type: 'none' },
    })
    await deadMan.disarm()
  })

  it('tells when it is lost', async () => {
    const deadMan = await arm('perl', [])
    await lab.run(['kill', deadMan.containerId])
    expect(await deadMan.lost).toContain('lost')
  })

  it('refuses to work on another engine, and leaves nothing behind', async () => {
    // The engine may still be removing the switch of the test before.
    await waitFor('other helpers to go', async () => (await helpersOf()).length === 0)
    await expect(arm('perl', [], 'SOME:OTHER:ENGINE')).rejects.toThrow()
    expect(await helpersOf()).toEqual([])
  })

  it.each(['stop', 'pause'] as const)(
    'brings services back within two minutes of a kill -9 of the whole program (%s)',
    async how => {
      await using stack = await makeSmallStack(1, { how })
      const before = await statesOf(stack.app, stack.web, stack.idle)
      const child = startBackup(home, stack.name, how === 'stop' ? 'Stopped app' : 'Paused app')
      await child.said('held')
      expect((await lab.containerState(stack.app.id)).status).toBe(
        how === 'stop' ? 'exited' : 'paused',
      )
      const killed = performance.now()
      child.kill('SIGKILL')
      await child.ended
      await waitFor('the app to run again', async () => {
        return (await lab.containerState(stack.app.id)).status === 'running'
      })
      expect(performance.now() - killed).toBeLessThan(120_000)
      await waitFor('all helpers to go', async () => (await helpersOf(child.pid)).length === 0)
      expect(await statesOf(stack.app, stack.web, stack.idle)).toEqual(before)
    },
  )

  it('brings services back within two minutes when the program falls silent with its connection open', async () => {
    await using stack = await makeSmallStack(1, { how: 'stop' })
    const child = startBackup(home, stack.name, 'Stopped app')
    await child.said('held')
    const silent = performance.now()
    await waitFor(
      'the app to run again',
      async () => (await lab.containerState(stack.app.id)).status === 'running',
      { timeoutMs: 180_000, everyMs: 1000 },
    )
    expect(performance.now() - silent).toBeLessThan(120_000)
    child.kill('SIGKILL')
    await child.ended
  })
})
