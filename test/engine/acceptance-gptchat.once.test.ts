import { readdir } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { gptchatJournal } from '../../lab/fixtures/gptchat.ts'
import { createStack, type LabStack } from '../../lab/fixtures/stack.ts'
import { differences, type StackState, withoutFacts } from '../../lab/fixtures/state.ts'
import { writerMoment } from '../../lab/fixtures/writer-invariant.ts'
import { type CommandLine, commandLine, engineId } from './acceptance-support.ts'

/** The main job on the chatbot in Docker while its app writes to files and to SQLite all the time. */
describe('the main job on gptchat', () => {
  let line: CommandLine
  let stack: LabStack
  let before: StackState
  let journal: string
  /** Newest record when the backup began and when it had ended. */
  let span: readonly [number, number]

  beforeAll(async () => {
    line = await commandLine()
    stack = await createStack('gptchat', { engine: engineId, writing: true })
    journal = path.join(stack.folder, gptchatJournal)
    before = await healthyState()
  })
  afterAll(async () => {
    await stack.remove()
    await line[Symbol.asyncDispose]()
  })

  /** All but what the app is writing, and when something last came or went in the project folder itself. */
  async function comparableFacts(): Promise<StackState> {
    return withoutFacts(await stack.describe(), /^folder (\.$|data\/journal)/)
  }

  async function healthyState(): Promise<StackState> {
    await stack.waitHealthy(stack.services)
    return await comparableFacts()
  }

  async function newestRecord(): Promise<number> {
    return Math.max(...(await readdir(path.join(journal, 'records'))).map(Number))
  }

  it('finds both kinds of database, and the password where it is kept', async () => {
    const { stacks } = await line.good('stacks', stack.name)
    expect(stacks).toMatchObject([{ name: stack.name, coverage: 'covered' }])
    const [{ items }] = stacks as [{ items: { id: string }[] }]
    const ids = items.map(each => each.id)
    expect(ids).toEqual(
      expect.arrayContaining([
        'config:compose',
        'config:env',
        'config:secrets',
        'database:db/gptchat',
        `bind:${stack.folder}/uploads`,
        `bind:${stack.folder}/config.php`,
        `bind:${stack.folder}/data`,
      ]),
    )
    expect(ids.filter(id => id.startsWith('sqlite:'))).toHaveLength(1)
    await line.good('plan', stack.name)
  })

  it('keeps one moment of an app that writes', async () => {
    const from = await newestRecord()
    const report = await line.good('backup', stack.name)
    span = [from, await newestRecord()]
    expect(report).toMatchObject({ outcome: 'complete', stack: stack.name })
    expect(await line.good('check', stack.name, '--read-data')).toMatchObject({ outcome: 'ok' })
    expect(differences(before, await healthyState())).toEqual([])
    expect(span[1]).toBeGreaterThan(span[0])
    expect(await newestRecord(), 'the app writes on').toBeGreaterThan(span[1])
  })

  it('brings back what was lost, and the app goes on from that moment', async () => {
    await stack.lose()
    expect(differences(before, await comparableFacts()).length).toBeGreaterThan(50)
    const report = await line.good('restore', stack.name, '--in-place', '--confirm', stack.name)
    expect(report).toMatchObject({ outcome: 'complete', rolledBack: false, health: { ok: true } })
    expect(differences(before, await healthyState())).toEqual([])

    await stack.compose(['stop', 'app'])
    const moment = await writerMoment(journal, path.join(journal, 'journal.db'))
    expect(moment.broken).toEqual([])
    expect(moment.rows).toBeGreaterThanOrEqual(span[0])
  })

  it('gives files and database of the snapshot out as one moment', async () => {
    const { snapshot } = (await line.good('snapshots', 'show', stack.name)) as {
      snapshot: { items: { id: string }[] }
    }
    const sqlite = snapshot.items.find(each => each.id.startsWith('sqlite:'))?.id ?? ''
    const out = path.join(line.cwd, 'out')
    await line.good('snapshots', 'extract', stack.name, `bind:${stack.folder}/data`, '--to', out)
    const database = path.join(line.cwd, 'database')
    await line.good('snapshots', 'extract', stack.name, sqlite, '--to', database)
    const there = await readdir(database, { recursive: true })
    const file = there.find(each => each.endsWith('.db')) ?? ''
    const moment = await writerMoment(path.join(out, 'journal'), path.join(database, file))
    expect(moment.broken).toEqual([])
    expect(moment.rows).toBeGreaterThanOrEqual(span[0])
    expect(moment.rows).toBeLessThanOrEqual(span[1])
  })
})
