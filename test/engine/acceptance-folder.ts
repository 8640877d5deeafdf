import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { expect } from 'vitest'

import {
  createGptchatFolder,
  type FolderOptions,
  writerFolder,
} from '../../lab/fixtures/gptchat-folder.ts'
import { differences, type StackState, withoutFacts } from '../../lab/fixtures/state.ts'
import { run } from '../../lab/lib/run.ts'
import { commandLine } from './acceptance-support.ts'

/** What the writer adds to, so that it has no state of its own to compare with. */
const written = /^(sqlite (table|rows) (entries|totals)|folder data(\/journal.*)?)$/

/**
 * The main job on the chatbot in a plain folder, whose program writes to its SQLite database all the time:
 * found, planned, backed up, checked, damaged, brought back, compared.
 */
export async function acceptFolder(size: NonNullable<FolderOptions['size']>): Promise<void> {
  await using line = await commandLine()
  const parent = path.join(line.cwd, 'stacks')
  await mkdir(parent)
  await using stack = await createGptchatFolder({ parent, name: 'gptchat', size })
  const host = ['--host', `folder:${parent}`]
  const before = withoutFacts(await stack.describe(), written)
  expect(Object.keys(before).length).toBeGreaterThan(size === 'full' ? 20_000 : 200)
  const writer = await stack.startWriter()
  const backup = await (async () => {
    const { stacks } = await line.good('stacks', ...host)
    expect(stacks).toMatchObject([{ name: 'gptchat', coverage: 'covered' }])
    const [{ items }] = stacks as [{ items: { id: string; decision: string }[] }]
    expect(items.map(each => each.id)).toEqual(
      expect.arrayContaining(['config:env', 'sqlite:data/admin.db', `bind:${stack.folder}`]),
    )
    expect(items.filter(each => each.decision !== 'include')).toEqual([])
    const plan = await line.good('plan', 'gptchat', ...host)
    expect(plan).toMatchObject({ stack: 'gptchat', downtime: [], excluded: [] })

    const from = await newestRow(stack.database)
    const report = await line.good('backup', 'gptchat', ...host)
    return { report, from, until: await newestRow(stack.database) }
  })().finally(() => writer.stop())
  expect(backup.report).toMatchObject({ outcome: 'complete', stack: 'gptchat', downtimeMs: 0 })
  expect(backup.until).toBeGreaterThan(backup.from)
  expect(await line.good('check', 'gptchat', '--read-data')).toMatchObject({ outcome: 'ok' })

  const all = path.join(line.cwd, 'all-that-was-written.db')
  await run(['sqlite3', stack.database, `vacuum into '${all}'`])
  await stack.lose()
  expect(differences(before, await stateNow()).length).toBeGreaterThan(
    size === 'full' ? 20_000 : 200,
  )
  const restored = await line.good('restore', 'gptchat', '--in-place', '--confirm', 'gptchat')
  expect(restored).toMatchObject({ outcome: 'complete', rolledBack: false, health: { ok: true } })

  expect(differences(before, await stateNow())).toEqual([])
  await expectPrefix(stack.database, all, backup)
  await expectRecords(path.join(stack.folder, writerFolder), backup.from)

  async function stateNow(): Promise<StackState> {
    return withoutFacts(await stack.describe(), written)
  }
}

async function newestRow(database: string): Promise<number> {
  const options = ['-cmd', '.timeout 30000']
  return Number(await run(['sqlite3', ...options, database, 'select max(number) from entries']))
}

/** The rows are what the writer had committed at one moment of the backup: no gap, no row of later, none changed. */
async function expectPrefix(
  database: string,
  all: string,
  { from, until }: { readonly from: number; readonly until: number },
): Promise<void> {
  const sql = `attach '${all}' as everything;
    select count(*), max(number), sum(number), (select sum from totals),
      (select count(*) from entries join everything.entries other using (number)
        where other.payload = entries.payload) from entries;`
  const values = (await run(['sqlite3', database, sql])).trim().split('|').map(Number)
  const [count = 0, newest = 0, sum, total, equal] = values
  expect({ newest, sum, equal }).toEqual({ newest: count, sum: total, equal: count })
  expect(newest).toBeGreaterThanOrEqual(from)
  expect(newest).toBeLessThanOrEqual(until)
}

/** Files that were complete before the backup began are all there, and whole. */
async function expectRecords(folder: string, until: number): Promise<void> {
  for (let number = 1; number <= until; number++) {
    const text = await readFile(path.join(folder, 'records', String(number)), 'utf8')
    expect(Number(text)).toBe(number)
  }
}
