import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { waitFor } from '../../../lab/lib/wait.ts'
import { AppError } from '../../../src-main/contract/errors.ts'
import type { DriverContext } from '../../../src-main/engine/databases/database.ts'
import { databases } from '../../../src-main/engine/databases/index.ts'
import type { DatabaseFixture } from './fixture.ts'
import { dump, type KeptDump, type LabServer, receive, restore, sourceOf } from './lab-server.ts'
import { guidePath, runGuide } from './run-guide.ts'

/** The error code that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** A stream that fails in its middle, as one does whose hash does not fit. */
function breakingOff(stream: Readable, limit: number): Readable {
  async function* half(): AsyncGenerator<Buffer> {
    let seen = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      seen += chunk.length
      if (seen > limit)
        throw new AppError('stream-corrupt', { message: 'bad hash', state: '', hint: '' })
      yield chunk
    }
  }
  return Readable.from(half(), { objectMode: false })
}

/** A stream that tells when half of it was taken. */
function atHalf(stream: Readable, length: number, tell: () => void): Readable {
  async function* told(): AsyncGenerator<Buffer> {
    let seen = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const before = seen
      seen += chunk.length
      if (before < length / 2 && seen >= length / 2) tell()
      yield chunk
    }
  }
  return Readable.from(told(), { objectMode: false })
}

/** What every database engine must be able to do, on a real server. */
export function databaseSuite(fixture: DatabaseFixture): void {
  const { engine, main, hostile, empty } = fixture
  const all = [...new Set([main, hostile, empty])]
  const title = `databases/${engine.id}${fixture.label === undefined ? '' : ` (${fixture.label})`}`

  describe(`${title}: one server`, () => {
    let server: LabServer
    let context: DriverContext & { readonly warnings: string[] }
    let kept: KeptDump
    const original = new Map<string, string | null>()

    beforeAll(async () => {
      server = await fixture.start()
      context = await server.context()
      await engine.ready(context, 120_000)
      await fixture.fill(server)
      for (const database of all)
        original.set(database, await fixture.fingerprint(server, database))
    })
    afterAll(() => server.remove())

    it('is recognised by its container, and by no other engine', async () => {
      const container = await server.host.container(server.id)
      expect(
        databases.filter(each => each.detect(container) !== null).map(each => each.id),
      ).toEqual([engine.id])
    })

    it('is looked into without a trace', async () => {
      const facts = await engine.examine(context)
      expect(facts.version).toMatch(/^\d+\./)
      expect(facts.credentialSource).toContain(fixture.passwordVariable)
      const own = facts.databases.filter(each => !each.system).map(each => each.name)
      expect(own.toSorted()).toEqual(expect.arrayContaining([...all].toSorted()))
      for (const database of all)
        expect(await fixture.fingerprint(server, database)).toBe(original.get(database))
    })

    it('dumps every database whole, with counts, and tells no secret', async () => {
      const lines: string[] = []
      kept = await dump(engine, context, all, async () => {
        // Every process of the container, while the dump's own are there.
        lines.push(
          await server.exec(['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "']),
        )
      })
      expect(kept.artifacts.length).toBeGreaterThanOrEqual(all.length)
      expect(kept.counts[main]?.exact).toBe(true)
      expect(Object.values(kept.counts[main]?.values ?? {}).some(count => count >= 20_000)).toBe(
        true,
      )
      expect(
        JSON.stringify([kept.facts, kept.counts, context.warnings]) + lines.join(),
      ).not.toContain(fixture.password)
      expect(await server.exec(['sh', '-c', 'ls /tmp'])).not.toContain('canary')
    })

    it('restores over damaged data, and counts what it dumped', async () => {
      for (const database of all) {
        await fixture.damage(server, database)
        expect(await fixture.fingerprint(server, database)).not.toBe(original.get(database))
      }
      const before = await fixture.surroundings(server)
      for (const database of all) {
        const counts = await restore(engine, context, sourceOf(kept, database))
        expect(counts).toEqual(kept.counts[database])
        expect(await fixture.fingerprint(server, database)).toBe(original.get(database))
      }
      expect(await fixture.surroundings(server)).toBe(before)
      expect(await engine.count(context, main)).toEqual(kept.counts[main])
      expect(await server.exec(['sh', '-c', 'ls /tmp'])).not.toContain('canary')
    })

    it('restores a database that is gone', async () => {
      await fixture.lose(server, hostile)
      await restore(engine, context, sourceOf(kept, hostile))
      expect(await fixture.fingerprint(server, hostile)).toBe(original.get(hostile))
    })

    it('loads beside the live data and takes everything back', async () => {
      const before = await fixture.surroundings(server)
      await fixture.damage(server, hostile)
      const damaged = await fixture.fingerprint(server, hostile)
      const staged = await engine.stage(context, sourceOf(kept, hostile), () => Promise.resolve())
      expect(await fixture.fingerprint(server, hostile)).toBe(damaged)
      await staged.activate()
      expect(await fixture.fingerprint(server, hostile)).toBe(original.get(hostile))
      await staged.revert()
      await staged.revert()
      expect(await fixture.fingerprint(server, hostile)).toBe(damaged)
      await staged.activate()
      expect(await fixture.fingerprint(server, hostile)).toBe(original.get(hostile))
      await staged.revert()
      await staged.discard()
      await staged.discard()
      expect(await fixture.fingerprint(server, hostile)).toBe(damaged)
      expect(await fixture.surroundings(server)).toBe(before)
      await restore(engine, context, sourceOf(kept, hostile))
    })

    it('leaves the live data alone when the dump breaks off or is cancelled', async () => {
      const before = await fixture.surroundings(server)
      const source = sourceOf(kept, main)
      const broken = {
        ...source,
        artifacts: source.artifacts.map(artifact => ({
          ...artifact,
          open: () =>
            artifact.plainBytes > 100_000
              ? breakingOff(artifact.open(), artifact.plainBytes * 0.7)
              : artifact.open(),
        })),
      }
      expect((await codeOf(engine.stage(context, broken, () => Promise.resolve()))).code).toBe(
        'stream-corrupt',
      )
      expect(await fixture.surroundings(server)).toBe(before)
      expect(await fixture.fingerprint(server, main)).toBe(original.get(main))
      const abort = new AbortController()
      const cancelled = await server.context({ signal: abort.signal })
      const halfWay = {
        ...source,
        artifacts: source.artifacts.map(artifact => ({
          ...artifact,
          open: () =>
            artifact.plainBytes > 100_000
              ? atHalf(artifact.open(), artifact.plainBytes, () =>
                  abort.abort(new AppError('interrupted', { message: '', state: '', hint: '' })),
                )
              : artifact.open(),
        })),
      }
      const staging = engine.stage(cancelled, halfWay, () => Promise.resolve())
      await expect(staging).rejects.toThrow()
      expect(await fixture.surroundings(server)).toBe(before)
      expect(await fixture.fingerprint(server, main)).toBe(original.get(main))
    })

    it('dumps one moment while it is written to', async () => {
      let writing = true
      const writers = fixture.writePairs(server, main, () => writing)
      await delay(500)
      const running = await dump(engine, context, [main], async session => {
        await delay(500)
        expect(session.artifacts.length).toBeGreaterThan(0)
      })
      writing = false
      expect(await writers).toBeGreaterThan(3)
      const counts = running.counts[main]
      const [left, right] = fixture.pairTables
      expect(counts?.values[left]).toBe(counts?.values[right])
      const staged = await engine.stage(context, sourceOf(running, main), () => Promise.resolve())
      expect(staged.counts.values[left]).toBe(staged.counts.values[right])
      if (fixture.countsAtOnce !== true) expect(staged.counts).toEqual(counts)
      await staged.discard()
    })

    it('loads with the commands of its restore guide alone', async ({ skip }) => {
      const { guideTool } = fixture
      if (guideTool !== undefined) {
        const found = await server.client.try(['exec', server.name, 'which', guideTool])
        skip(found.stdout.length === 0, `the image has no ${guideTool}`)
      }
      for (const database of all) await fixture.damage(server, database)
      const guide = engine.restoreGuide({
        service: 'db',
        containerName: server.name,
        databases: all.map(name => ({
          name,
          files: kept.artifacts
            .filter(each => each.database === name)
            .map(each => guidePath(each.fileName)),
          facts: kept.facts[name] as Readonly<Record<string, unknown>>,
        })),
        sharedFiles: kept.artifacts
          .filter(each => each.database === null)
          .map(each => guidePath(each.fileName)),
      })
      await runGuide(server, guide, kept, fixture.password)
      for (const database of all)
        expect(await fixture.fingerprint(server, database), database).toBe(original.get(database))
    })
  })

  describe(`${title}: faults`, () => {
    let server: LabServer
    let context: DriverContext & { readonly warnings: string[] }

    beforeAll(async () => {
      server = await fixture.start()
      context = await server.context()
      await engine.ready(context, 120_000)
      await fixture.grow(server)
    })
    afterAll(() => server.remove())

    const beginLarge = async () => {
      const session = await engine.begin(context, [fixture.large])
      const artifact = session.artifacts.find(each => each.database === fixture.large)
      if (artifact === undefined) throw new Error('no artifact')
      return { session, artifact }
    }

    it('never takes a dump for whole whose program was killed', async () => {
      const { session, artifact } = await beginLarge()
      const source = await artifact.open()
      source.stream.once(
        'readable',
        () =>
          void server.exec(['pkill', '-KILL', '-x', fixture.dumpProcess]).catch(() => undefined),
      )
      await delay(300)
      await expect(receive(source, artifact.content)).rejects.toThrow(/exit code/)
      expect((await source.proof).exitCode).not.toBe(0)
      await session.close()
      expect(await server.log()).not.toMatch(fixture.crashWords)
    })

    it('is gone within 10 s of an abort, and the server does not notice', async () => {
      const before = (await server.client.containerState(server.name)).startedAt
      const { session, artifact } = await beginLarge()
      const source = await artifact.open()
      await new Promise(resolve => source.stream.once('readable', resolve))
      const started = performance.now()
      await source.abort()
      await session.close()
      expect(performance.now() - started).toBeLessThan(15_000)
      await waitFor('no session of ours', async () => (await fixture.sessions(server)) === 0, {
        timeoutMs: 60_000,
      })
      const ours = await server.client.try([
        'exec',
        server.name,
        'pgrep',
        '-f',
        fixture.dumpProcess,
      ])
      expect(ours.stdout.toString()).toBe('')
      expect(await server.log()).not.toMatch(fixture.crashWords)
      expect((await server.client.containerState(server.name)).startedAt).toBe(before)
    })

    it('fails when the server goes away in the middle, and works after its return', async () => {
      const { session, artifact } = await beginLarge()
      const receiving = artifact.open().then(async source => {
        // Slower than the dump, so that it is still on its way.
        source.stream.once('data', () => {
          source.stream.pause()
          setTimeout(() => source.stream.resume(), 1500)
        })
        return receive(source, artifact.content)
      })
      receiving.catch(() => undefined)
      await delay(500)
      await server.client.run(['restart', '-t', '1', server.name])
      await expect(receiving).rejects.toThrow()
      await session.close().catch(() => undefined)
      context = await server.context()
      await engine.ready(context, 120_000)
      const again = await dump(engine, context, [fixture.large])
      expect(again.counts[fixture.large]?.exact).toBe(true)
    })

    const estimates = async (): Promise<void> => {
      const hurried = await server.context({ countBudgetMs: 1 })
      const session = await engine.begin(hurried, [fixture.large])
      const counts = await session.counts()
      expect(counts[fixture.large]?.exact).toBe(false)
      const artifact = session.artifacts.find(each => each.database === fixture.large)
      // The transaction is still good for a dump.
      if (artifact !== undefined) await receive(await artifact.open(), artifact.content)
      await session.close()
    }
    if (fixture.countsAtOnce !== true)
      it('estimates when counting would take too long, and says so', estimates)

    it('names the variable when the password is wrong, and never its value', async () => {
      await fixture.breakLogin(server)
      const fresh = await server.context()
      const error = await codeOf(engine.examine(fresh))
      expect(error.code).toBe('database-login')
      expect(error.message + error.hint).toContain(fixture.passwordVariable)
      expect(JSON.stringify([error.message, error.hint, error.state, error.details])).not.toContain(
        fixture.password,
      )
    })
  })

  describe(`${title}: without its tool`, () => {
    it('says what is missing before a dump begins', async () => {
      const server = await fixture.start()
      try {
        const context = await server.context()
        await engine.ready(context, 120_000)
        await fixture.hideTool(server)
        const error = await codeOf(engine.begin(await server.context(), [fixture.main]))
        expect(error.code).toBe('tool-missing')
        // What cannot be asked is not missing.
        await server.client.run(['kill', server.name])
        const stopped = await codeOf(engine.examine(await server.context()))
        expect(['container-gone', 'command-failed']).toContain(stopped.code)
      } finally {
        await server.remove()
      }
    })
  })
}
