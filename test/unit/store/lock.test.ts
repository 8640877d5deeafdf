import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, it, vi } from 'vitest'

import { processStartOf, thisProcess } from '../../../src-main/engine/lib/process-identity.ts'
import { acquireLock, type LockMode } from '../../../src-main/engine/store/lock.ts'
import { failure, makeSnapshot, newRepository } from './support.ts'

const request = (mode: LockMode, stack = 'app') => ({
  mode,
  host: 'local',
  stack,
  purpose: `test of ${mode}`,
})

function locksOf(repository: string): string[] {
  return readdirSync(path.join(repository, '.lifeboat/locks')).map(name =>
    path.join(repository, '.lifeboat/locks', name),
  )
}

/** Writes a lock as another program would have left it. */
function plant(repository: string, fields: object): string {
  const file = path.join(
    repository,
    '.lifeboat/locks',
    `${Math.random().toString(16).slice(2)}.json`,
  )
  const now = new Date().toISOString()
  const record = {
    schemaVersion: 1,
    lock: 'x',
    ...request('write'),
    ...thisProcess(),
    since: now,
    refreshedAt: now,
    ...fields,
  }
  writeFileSync(file, JSON.stringify(record))
  return file
}

describe('store/lock', () => {
  it('keeps out exactly what it must', async () => {
    const { path: repository } = await newRepository()
    const allowed = { write: ['read'], read: ['write', 'read'], remove: [] as string[] }
    for (const held of ['write', 'read', 'remove'] as const) {
      const lock = await acquireLock(repository, request(held))
      for (const wanted of ['write', 'read', 'remove'] as const) {
        const attempt = acquireLock(repository, request(wanted))
        if (allowed[held].includes(wanted)) await (await attempt).release()
        else expect(await failure(attempt)).toMatchObject({ code: 'locked' })
      }
      await (await acquireLock(repository, request('remove', 'other'))).release()
      await lock.release()
    }
    expect(locksOf(repository)).toEqual([])
  })

  it('says who holds it', async () => {
    const { path: repository } = await newRepository()
    const lock = await acquireLock(repository, request('write'))
    const error = await failure(acquireLock(repository, request('write')))
    expect(error.message).toContain(`process ${process.pid}`)
    expect(error.message).toContain('test of write')
    await lock.release()
  })

  it('lets one of many at the same moment have it', async () => {
    const { path: repository } = await newRepository()
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, () => acquireLock(repository, request('write'))),
      )
      const held = results.filter(each => each.status === 'fulfilled')
      expect(held.length).toBeLessThanOrEqual(1)
      for (const each of held) await each.value.release()
    }
    await (await acquireLock(repository, request('write'))).release()
  })

  it('takes over from a process that has died, not from one that lives', async () => {
    const { path: repository } = await newRepository()
    await (await acquireLock(repository, request('write'))).release()
    const child = spawn('sleep', ['600'])
    const pid = child.pid ?? 0
    const living = plant(repository, { pid, processStart: processStartOf(pid) })
    expect(await failure(acquireLock(repository, request('write')))).toMatchObject({
      code: 'locked',
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await acquireLock(repository, request('write'))).release()
    expect(locksOf(repository)).not.toContain(living)
  })

  it('knows a reused pid by the start of its process, and a computer that was started again', async () => {
    const { path: repository } = await newRepository()
    await (await acquireLock(repository, request('write'))).release()
    plant(repository, { processStart: '1' })
    await (await acquireLock(repository, request('write'))).release()
    plant(repository, { bootId: 'another boot' })
    await (await acquireLock(repository, request('write'))).release()
  })

  it('waits half an hour for another computer, by the clock of the file system', async () => {
    const { path: repository } = await newRepository()
    await (await acquireLock(repository, request('write'))).release()
    const other = plant(repository, { hostName: 'other', machine: 'other', pid: 1 })
    expect(await failure(acquireLock(repository, request('write')))).toMatchObject({
      code: 'locked',
    })
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
    utimesSync(other, minutesAgo(29), minutesAgo(29))
    expect(await failure(acquireLock(repository, request('write')))).toMatchObject({
      code: 'locked',
    })
    utimesSync(other, minutesAgo(31), minutesAgo(31))
    await (await acquireLock(repository, request('write'))).release()
    const unreadable = plant(repository, {})
    writeFileSync(unreadable, '{')
    expect(await failure(acquireLock(repository, request('read')))).toMatchObject({
      code: 'locked',
    })
    utimesSync(unreadable, minutesAgo(31), minutesAgo(31))
    await (await acquireLock(repository, request('read'))).release()
  })

  it('is refreshed, and tells its owner when another has taken it', async () => {
    const { path: repository } = await newRepository()
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const lock = await acquireLock(repository, request('write'))
      const [file = ''] = locksOf(repository)
      const old = new Date(Date.now() - 10 * 60_000)
      utimesSync(file, old, old)
      await vi.advanceTimersByTimeAsync(121_000)
      await vi.waitUntil(() => statSync(file).mtimeMs > old.getTime() + 1000, { timeout: 60_000 })
      expect(lock.lost.aborted).toBe(false)
      rmSync(file)
      await vi.advanceTimersByTimeAsync(121_000)
      await vi.waitUntil(() => lock.lost.aborted, { timeout: 60_000 })
      expect(lock.lost.reason).toMatchObject({ code: 'locked' })
      await lock.release()
    } finally {
      vi.useRealTimers()
    }
  })

  it('is held from begin to commit or abandon', async () => {
    const repository = await newRepository()
    const begin = () =>
      repository.begin({ host: 'local', stack: 'app', time: new Date(), purpose: 'first' })
    const writer = await begin()
    expect(await failure(begin())).toMatchObject({ code: 'locked' })
    const record = JSON.parse(readFileSync(locksOf(repository.path)[0] ?? '', 'utf8')) as object
    expect(record).toMatchObject({
      schemaVersion: 1,
      mode: 'write',
      host: 'local',
      stack: 'app',
      pid: process.pid,
    })
    await makeSnapshot(repository, { stack: 'other' })
    await writer.abandon()
    await writer.abandon()
    await makeSnapshot(repository)
    expect(locksOf(repository.path)).toEqual([])
  })
})
