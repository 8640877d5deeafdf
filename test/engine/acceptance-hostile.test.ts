import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { findCanaries, hostile } from '../../lab/fixtures/hostile.ts'
import { createStack, type LabStack } from '../../lab/fixtures/stack.ts'
import { differences, type StackState, withoutFacts } from '../../lab/fixtures/state.ts'
import { type CommandLine, commandLine, engineId, snapshotFolder } from './acceptance-support.ts'
import { type ArgumentWatch, watchArguments } from './watch-arguments.ts'

/** The shell-less service counts its starts in its volume, which is read without it. */
const starts = 'noshell_data starts'

/** The password as it may have been written down: itself, in a JSON text, in a URL, in a YAML text, encoded. */
const secrets = [
  hostile.password,
  JSON.stringify(hostile.password).slice(1, -1),
  encodeURIComponent(hostile.password),
  Buffer.from(hostile.password).toString('base64').replace(/=+$/, ''),
]

describe('the main job on a stack of traps', () => {
  let line: CommandLine
  let stack: LabStack
  let watch: ArgumentWatch
  let before: StackState
  let stoppedSince: string

  beforeAll(async () => {
    line = await commandLine('--debug')
    stack = await createStack('hostile', { engine: engineId })
    before = await stack.describe()
    stoppedSince = (await stack.docker.containerState(await stack.container('stopped'))).startedAt
    watch = watchArguments(stack.docker)
  })
  afterAll(async () => {
    await watch.stop()
    await stack.remove()
    await line[Symbol.asyncDispose]()
  })

  it('finds all of it, and everything is covered', async () => {
    const { stacks } = await line.good('stacks', stack.name)
    expect(stacks).toMatchObject([{ name: stack.name, coverage: 'covered' }])
    const [{ items }] = stacks as [{ items: { id: string; decision: string }[] }]
    expect(items.map(each => each.id)).toEqual(
      expect.arrayContaining([
        `database:db/${hostile.database}`,
        `bind:${path.join(stack.folder, hostile.bindName)}`,
        `volume:${stack.volume('noshell_data')}`,
        `volume:${stack.volume('stopped_data')}`,
      ]),
    )
    await line.good('plan', stack.name)
  })

  it('backs it up, and services are as they were', async () => {
    expect(await line.good('backup', stack.name)).toMatchObject({ outcome: 'complete' })
    expect(await line.good('check', stack.name, '--read-data')).toMatchObject({ outcome: 'ok' })
    await stack.waitHealthy(['db', 'app', 'noshell'])
    expect(differences(before, await stack.describe())).toEqual([])
  })

  it('brings back what was lost, and what was stopped stays stopped', async () => {
    await stack.lose()
    expect(differences(before, await stack.describe()).length).toBeGreaterThan(50)
    await line.good('restore', stack.name, '--dry-run')
    const report = await line.good('restore', stack.name, '--in-place', '--confirm', stack.name)
    expect(report).toMatchObject({ outcome: 'complete', rolledBack: false, health: { ok: true } })
    await stack.waitHealthy(['db', 'app', 'noshell'])
    const after = await stack.describe()
    const compared = [before, after].map(state => withoutFacts(state, /^noshell_data starts$/))
    expect(differences(compared[0] ?? {}, compared[1] ?? {})).toEqual([])
    // One start more than the snapshot holds: the service was started on its restored data once.
    expect(before[starts]).toContain(sha256('1'))
    expect(after[starts]).toContain(sha256('2'))
    const stopped = await stack.docker.containerState(await stack.container('stopped'))
    expect(stopped).toMatchObject({ status: 'exited' })
    expect(stopped.startedAt).toBe(stoppedSince)
  })

  it('also says all of it in words', async () => {
    for (const argv of [
      ['stacks', stack.name],
      ['plan', stack.name],
      ['snapshots'],
      ['check', '--all'],
    ]) {
      expect((await line.run(...argv)).code).toBe(0)
    }
  })

  it('ran no name as a command', async () => {
    const root = path.dirname(stack.folder)
    expect(await findCanaries(root, path.dirname(line.home))).toEqual([])
    for (const folder of ['/', process.cwd(), process.env['HOME'] ?? '/']) {
      const names = await readdir(folder)
      expect(names.filter(name => name.startsWith('lifeboat-canary'))).toEqual([])
    }
    for (const service of stack.services) {
      const changed = await stack.docker.run(['diff', await stack.container(service)])
      expect(changed).not.toContain('lifeboat-canary')
    }
  })

  it('kept the password to itself', async () => {
    const { seen } = await watch.stop()
    expect(seen.length).toBeGreaterThan(20)
    expect(leaks('arguments', seen.join('\n'))).toEqual([])
    expect(leaks('what was printed', line.said.join('\n'))).toEqual([])
    const files = await readdir(path.dirname(line.home), { recursive: true, withFileTypes: true })
    const found: string[] = []
    for (const file of files) {
      if (!file.isFile()) continue
      const name = path.join(file.parentPath, file.name)
      const bytes = await readFile(name)
      const plain = name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
      found.push(...leaks(name, `${name}\n${plain.toString()}`))
    }
    // The stack's own definition holds it; a copy of that must.
    const { snapshots } = await line.good('snapshots', 'list')
    const own = (snapshots as { id: string }[]).map(each => snapshotFolder(line, each.id))
    const rightly = found.filter(name =>
      own.some(folder => /^(config|inspect)\//.test(path.relative(folder, name))),
    )
    expect(rightly.length).toBeGreaterThan(0)
    expect(found.filter(name => !rightly.includes(name))).toEqual([])
  })
})

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function leaks(where: string, text: string): readonly string[] {
  return secrets.some(secret => text.includes(secret)) ? [where] : []
}
