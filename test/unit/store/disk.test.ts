import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statfsSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import { openRepository, type Repository } from '../../../src-main/engine/store/repository.ts'
import { checkSnapshot } from '../../../src-main/engine/verify/check.ts'
import { canMount, ext4Image, mountImage, pull, remount, tmpfs, unmount } from './filesystems.ts'
import {
  bytesSource,
  failure,
  makeSnapshot,
  manifestFor,
  newRepository,
  spec,
  temporaryFolder,
} from './support.ts'

const version = '0.0.0-test'
const signal = new AbortController().signal
const MiB = 1024 * 1024
const begin = (repository: Repository) =>
  repository.begin({ host: 'local', stack: 'app', time: new Date(), purpose: 'test' })
const noise = (path: string) => spec({ path, content: 'bytes' })

async function assertSound(repository: Repository, id: string): Promise<void> {
  expect(await checkSnapshot(repository, id, { readData: true, signal })).toMatchObject({
    outcome: 'ok',
  })
}

describe.skipIf(!canMount)('store/disk: full', () => {
  it.each([
    ['from the start', 0],
    ['half-way', 0.5],
  ])('%s: the item fails, nothing of it stays, what was there is whole', async (_when, share) => {
    const disk = tmpfs(16 * MiB)
    const repository = await newRepository(path.join(disk, 'repository'))
    const good = await makeSnapshot(repository)
    const free = statfsSync(disk)
    const spare = free.bavail * free.bsize - Math.ceil(10 * MiB * share) - 256 * 1024
    writeFileSync(path.join(disk, 'filler'), Buffer.alloc(spare))
    const writer = await begin(repository)
    const source = bytesSource(randomBytes(10 * MiB))
    const wanted = { ...noise('volumes/large.bin'), expectedBytes: 10 * MiB }
    const error = await failure(writer.addArtifact(wanted, source))
    expect(error).toMatchObject({ code: 'disk-full' })
    expect(error.message).toContain(`${10 * MiB} bytes`)
    expect(source.aborted()).toBe(true)
    expect(readdirSync(writer.folder, { recursive: true })).toEqual(['volumes'])
    await writer.abandon()
    rmSync(path.join(disk, 'filler'))
    expect((await repository.list()).map(each => each.id)).toEqual([good])
    await assertSound(repository, good)
    await makeSnapshot(repository)
  })

  it('when the manifest is written: there is no snapshot', async () => {
    const disk = tmpfs(4 * MiB)
    const repository = await newRepository(path.join(disk, 'repository'))
    const good = await makeSnapshot(repository)
    const writer = await begin(repository)
    const record = await writer.addArtifact(noise('volumes/a.bin'), bytesSource(randomBytes(MiB)))
    const filler = path.join(disk, 'filler')
    expect(() => writeFileSync(filler, Buffer.alloc(4 * MiB))).toThrow(/ENOSPC/)
    expect(
      await failure(writer.commit(manifestFor(repository, writer, [record]), '# Restore\n')),
    ).toMatchObject({ code: 'disk-full' })
    await writer.abandon()
    expect(existsSync(writer.folder)).toBe(false)
    expect((await repository.list()).map(each => each.id)).toEqual([good])
    rmSync(filler)
    await assertSound(repository, good)
  })

  it('only when it is flushed: the item fails all the same', async () => {
    // The file system believes in 64 MiB; what is behind it has 12.
    const behind = tmpfs(12 * MiB)
    const disk = mountImage(ext4Image(behind, 64 * MiB))
    const repository = await newRepository(path.join(disk, 'repository'))
    const writer = await begin(repository)
    const error = await failure(
      writer.addArtifact(
        { ...noise('volumes/large.bin'), codec: 'none' },
        bytesSource(randomBytes(24 * MiB)),
      ),
    )
    expect(error.code).toMatch(/^(?:destination-unwritable|disk-full)$/)
    expect(readdirSync(writer.folder, { recursive: true })).not.toContain('volumes/large.bin')
    await writer.abandon().catch(() => undefined)
    unmount(disk)
  })
})

describe.skipIf(!canMount)('store/disk: gone', () => {
  it('in the middle of writing: the item fails at once and says so', async () => {
    const disk = mountImage(ext4Image(temporaryFolder(), 64 * MiB))
    const repository = await newRepository(path.join(disk, 'repository'))
    const writer = await begin(repository)
    let sent = 0
    const stream = new Readable({
      read() {
        sent += 1
        if (sent === 8) pull(disk)
        this.push(sent > 200 ? null : randomBytes(64 * 1024))
      },
    })
    const source = bytesSource(Buffer.alloc(0), { stream, proof: { streamBytes: 200 * 65_536 } })
    const error = await failure(writer.addArtifact(noise('volumes/a.bin'), source))
    expect(error).toMatchObject({ code: 'destination-unwritable' })
    expect(error.message).toMatch(/failed or went away/)
    expect(source.aborted()).toBe(true)
    await failure(writer.commit(manifestFor(repository, writer, []), ''))
    unmount(disk)
  })

  it('before writing: an empty mount point is not taken for the repository', async () => {
    const disk = tmpfs(4 * MiB)
    const { id } = await newRepository(disk)
    unmount(disk)
    const error = await failure(openRepository(disk, { create: true, version, expectedId: id }))
    expect(error).toMatchObject({ code: 'repository-missing' })
    expect(readdirSync(disk)).toEqual([])
  })

  it('read-only: reading goes on without a lock, writing is refused', async () => {
    const disk = tmpfs(8 * MiB)
    const repository = await newRepository(path.join(disk, 'repository'))
    const good = await makeSnapshot(repository)
    rmSync(path.join(repository.path, '.lifeboat'), { recursive: true })
    remount(disk, 'ro')
    const again = await openRepository(repository.path, { version, expectedId: repository.id })
    expect((await again.list()).map(each => each.id)).toEqual([good])
    await assertSound(again, good)
    for (const attempt of [() => begin(again), () => again.pin(good, true)]) {
      const error = await failure(attempt())
      expect(error).toMatchObject({ code: 'destination-unwritable' })
      expect(error.message).toMatch(/read-only/)
    }
    remount(disk, 'rw')
  })
})

/** Runs the child until a random moment, kills it, and tells what it had committed. */
async function runAndKill(repository: string, snapshotsBefore: number): Promise<string[]> {
  const script = path.join(import.meta.dirname, 'crash-child.ts')
  const child = spawn(process.execPath, ['--no-warnings', script, repository], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = new Promise(resolve => child.once('close', resolve))
  const lines: string[] = []
  createInterface(child.stdout).on('line', line => lines.push(line))
  const started = Date.now()
  while (lines.length <= snapshotsBefore && child.exitCode === null) {
    if (Date.now() - started > 120_000) throw new Error('The child makes no snapshots')
    await delay(5)
  }
  await delay(Math.random() * 500)
  child.kill('SIGKILL')
  await closed
  return lines.filter(line => line !== 'ready')
}

describe('store/disk: killed', () => {
  it('at 30 random moments: nothing half-made is listed, everything committed is whole', async () => {
    const folder = path.join(temporaryFolder(), 'repository')
    const known = new Set<string>()
    let left = 0
    for (let round = 0; round < 30; round += 1) {
      const committed = await runAndKill(folder, round % 2)
      const repository = await openRepository(folder, { version })
      const list = await repository.list()
      for (const each of list) expect(each.problem).toBeNull()
      const ids = new Set(list.map(each => each.id))
      for (const id of [...known, ...committed]) expect(ids).toContain(id)
      for (const id of ids) {
        if (!known.has(id)) await assertSound(repository, id)
        known.add(id)
      }
      const partials = await repository.partials()
      left += partials.length
      expect(await repository.removePartials()).toHaveLength(partials.length)
      expect(await repository.partials()).toEqual([])
    }
    expect(known.size).toBeGreaterThan(10)
    expect(left).toBeGreaterThan(5)
    const repository = await openRepository(folder, { version })
    // Temporary files of a killed program go when they are an hour old.
    const locks = path.join(folder, '.lifeboat/locks')
    const old = new Date(Date.now() - 3_700_000)
    for (const name of readdirSync(locks)) utimesSync(path.join(locks, name), old, old)
    await repository.removePartials()
    expect(readdirSync(locks)).toEqual([])
    await makeSnapshot(repository)
  }, 600_000)

  it.skipIf(!canMount)(
    'together with the power: what was committed is on the disk',
    async () => {
      const place = temporaryFolder()
      const image = ext4Image(place, 300 * MiB)
      for (let round = 0; round < 6; round += 1) {
        const disk = mountImage(image)
        const committed = await runAndKill(path.join(disk, 'repository'), 1)
        // What the disk has got by now, without what the system still holds back.
        const copy = path.join(place, 'copy')
        execFileSync('cp', ['--sparse=always', image, copy])
        unmount(disk)
        const after = mountImage(copy)
        const repository = await openRepository(path.join(after, 'repository'), {
          version,
          create: true,
        })
        const list = await repository.list()
        const ids = new Set(list.map(each => each.id))
        for (const id of committed) expect(ids, `round ${round}`).toContain(id)
        for (const { id, problem } of list) {
          expect(problem).toBeNull()
          await assertSound(repository, id)
        }
        unmount(after)
        rmSync(copy)
      }
    },
    600_000,
  )
})
