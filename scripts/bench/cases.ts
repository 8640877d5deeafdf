import { rm } from 'node:fs/promises'
import path from 'node:path'

import type { Docker } from '../../lab/docker.ts'
import { createStack } from '../../lab/fixtures/stack.ts'
import type { BackupReport } from '../../src-main/contract/model.ts'
import type { BenchStack } from './bench-stack.ts'
import { benchStack } from './bench-stack.ts'
import type { Cost, Measured, Way } from './measure.ts'
import { interleaved, peakOfAll, ratio, timed, timeOf } from './measure.ts'
import { mebibytes, type Row, seconds } from './table.ts'

export interface Setting {
  readonly docker: Docker
  readonly home: string
  readonly rounds: number
  readonly megabytes: number
  readonly largeMegabytes: number
  tell(line: string): void
}

const cli = path.join(import.meta.dirname, '../../bin/lifeboat.mjs')

/** The whole command line, from the start of the process to its end. */
async function lifeboat(setting: Setting, argv: readonly string[]): Promise<Cost> {
  const env = { ...setting.docker.environment, LIFEBOAT_HOME: path.join(setting.home, 'lifeboat') }
  return timed([process.execPath, cli, ...argv, '--json'], env)
}

async function backUp(setting: Setting, stack: string, ...only: readonly string[]): Promise<Cost> {
  const repository = path.join(setting.home, `repository-${Math.random().toString(36).slice(2)}`)
  const options = only.flatMap(each => ['--only', each])
  const cost = await lifeboat(setting, ['backup', stack, '--repo', repository, ...options])
  await rm(repository, { recursive: true, force: true })
  return cost
}

/** A line of shell as a person types it; the positional parameters are its arguments. */
async function typed(setting: Setting, line: string, ...args: readonly string[]): Promise<Cost> {
  return timed(
    ['bash', '-c', `set -o pipefail; ${line}`, 'bench', ...args],
    setting.docker.environment,
  )
}

function pack(setting: Setting, stack: BenchStack, logging: readonly string[]): Promise<Cost> {
  const file = path.join(setting.home, 'plain.tar.zst')
  const line = `docker run --rm ${logging.join(' ')} -v "$1":/v:ro lab/base:1 tar -c -C /v . | zstd -q -3 > "$2"`
  return typed(setting, line, stack.volume, file)
}

function find(measured: readonly Measured[], name: string): Measured {
  const found = measured.find(each => each.name === name)
  if (found === undefined) throw new Error(`nothing was measured as ${name}`)
  return found
}

function ratioRow(
  what: string,
  measured: Measured,
  base: Measured,
  must: number,
  aim: number,
): Row {
  const value = ratio(measured, base)
  return {
    what,
    result: `${value.toFixed(2)} (${seconds(timeOf(measured))} / ${seconds(timeOf(base))})`,
    bar: `≤ ${must} (${aim})`,
    holds: value <= must,
  }
}

/** What is asked once per image and engine is asked before the clock starts. */
async function warm(setting: Setting, stack: BenchStack): Promise<void> {
  await backUp(setting, stack.name)
}

async function volume(setting: Setting): Promise<readonly Row[]> {
  await using stack = await benchStack(setting.docker, 20_000, setting.megabytes)
  await warm(setting, stack)
  const ways: readonly Way[] = [
    { name: 'lifeboat', run: () => backUp(setting, stack.name) },
    { name: 'A', run: () => pack(setting, stack, ['--log-driver', 'none']) },
    { name: 'A0', run: () => pack(setting, stack, []) },
  ]
  const measured = await interleaved(ways, setting.rounds, setting.tell)
  const own = find(measured, 'lifeboat')
  const what = `back up a volume of ${setting.megabytes} MB and 20,000 files`
  return [
    ratioRow(
      `${what} / A: \`docker run --log-driver none … tar \\| zstd -3\``,
      own,
      find(measured, 'A'),
      1.2,
      0.75,
    ),
    ratioRow(`${what} / A0: the same with default logging`, own, find(measured, 'A0'), 0.35, 0.2),
  ]
}

async function small(setting: Setting): Promise<readonly Row[]> {
  await using stack = await benchStack(setting.docker, 20_000, 0)
  await warm(setting, stack)
  const ways: readonly Way[] = [
    { name: 'lifeboat', run: () => backUp(setting, stack.name) },
    { name: 'A', run: () => pack(setting, stack, ['--log-driver', 'none']) },
  ]
  const measured = await interleaved(ways, setting.rounds, setting.tell)
  return [
    ratioRow(
      'back up 20,000 files of 4 KiB / A',
      find(measured, 'lifeboat'),
      find(measured, 'A'),
      1.25,
      1,
    ),
  ]
}

async function job(setting: Setting): Promise<readonly Row[]> {
  await using stack = await benchStack(setting.docker, 0, 1)
  await warm(setting, stack)
  const ways: readonly Way[] = [{ name: 'lifeboat', run: () => backUp(setting, stack.name) }]
  const [measured] = await interleaved(ways, setting.rounds, setting.tell)
  const milliseconds = measured === undefined ? Number.NaN : timeOf(measured)
  return [
    {
      what: 'a job of 1 MB, from the start of the process to its end',
      result: seconds(milliseconds),
      bar: '≤ 2 s (1 s)',
      holds: milliseconds <= 2000,
    },
  ]
}

/** Enough rows that the dump itself is what is measured. */
const ballast = `
create table public.ballast as
  select number, md5(number::text) as word, repeat(md5(number::text), 3) as words, now() as at
  from generate_series(1, 3000000) as number`

async function dump(setting: Setting): Promise<readonly Row[]> {
  await using stack = await createStack('chatalot', {
    engine: setting.docker.engine.id,
    size: 'full',
  })
  const container = await stack.container('postgres')
  const psql = ['psql', '-U', 'chatalot', '-d', 'chatalot', '-q']
  await setting.docker.run(['exec', container, ...psql, '-c', ballast, '-c', 'vacuum analyze'])
  const item = 'database:postgres/chatalot'
  await backUp(setting, stack.name, item)
  const file = path.join(setting.home, 'plain.dump')
  const line = 'docker exec "$1" pg_dump -U chatalot -Fc -Z zstd:3 chatalot > "$2"'
  const ways: readonly Way[] = [
    { name: 'lifeboat', run: () => backUp(setting, stack.name, item) },
    { name: 'B', run: () => typed(setting, line, container, file) },
  ]
  const measured = await interleaved(ways, setting.rounds, setting.tell)
  const [own, plain] = [find(measured, 'lifeboat'), find(measured, 'B')]
  const itself = { ...own, costs: own.costs.map(cost => ({ ...cost, ...timeOfItem(cost, item) })) }
  const base = 'B: `docker exec … pg_dump -Fc -Z zstd:3`'
  return [
    ratioRow(`dump a database of 3,200,000 rows with its proofs / ${base}`, itself, plain, 1.1, 1),
    {
      what: 'the same, the whole command: look, plan, dump, count the rows, store',
      result: `${ratio(own, plain).toFixed(2)} (${seconds(timeOf(own))} / ${seconds(timeOf(plain))})`,
      bar: null,
      holds: null,
    },
  ]
}

function timeOfItem(cost: Cost, id: string): Pick<Cost, 'milliseconds'> {
  const report = JSON.parse(cost.output) as BackupReport
  const found = report.items.find(each => each.id === id)
  if (found === undefined) throw new Error(`the backup has no item ${id}`)
  return { milliseconds: found.durationMs }
}

async function restore(setting: Setting): Promise<readonly Row[]> {
  const { docker, home, tell } = setting
  await using stack = await benchStack(docker, 20_000, setting.megabytes)
  const repository = path.join(home, 'repository')
  await lifeboat(setting, ['backup', stack.name, '--repo', repository])
  await pack(setting, stack, ['--log-driver', 'none'])
  const file = path.join(home, 'plain.tar.zst')
  const empty = (): Promise<unknown> =>
    docker.run(['exec', stack.name, 'find', '/v', '-mindepth', '1', '-delete'])
  const unpack = `zstd -q -d < "$2" | docker run -i --rm --log-driver none -v "$1":/v lab/base:1 tar -x -C /v`
  const ways: readonly Way[] = [
    {
      name: 'lifeboat',
      run: async () => {
        await empty()
        const confirm = ['--in-place', '--confirm', stack.name]
        return lifeboat(setting, ['restore', stack.name, ...confirm, '--repo', repository])
      },
    },
    {
      name: 'C',
      run: async () => {
        await empty()
        return typed(setting, unpack, stack.volume, file)
      },
    },
  ]
  const measured = await interleaved(ways, setting.rounds, tell)
  const what = `restore a lost volume of ${setting.megabytes} MB and 20,000 files, the whole command`
  const base = 'C: `zstd -d \\| docker run … tar -x`'
  return [ratioRow(`${what} / ${base}`, find(measured, 'lifeboat'), find(measured, 'C'), 1.5, 0.5)]
}

async function memory(setting: Setting): Promise<readonly Row[]> {
  const peaks: number[] = []
  for (const megabytes of [1000, setting.largeMegabytes]) {
    await using stack = await benchStack(setting.docker, 1000, megabytes)
    const ways: readonly Way[] = [{ name: 'lifeboat', run: () => backUp(setting, stack.name) }]
    const [measured] = await interleaved(ways, 1, setting.tell)
    peaks.push(measured === undefined ? Number.NaN : peakOfAll(measured))
  }
  const [less = Number.NaN, more = Number.NaN] = peaks
  const apart = Math.abs(more - less)
  const limit = 1024 * 1024
  return [
    {
      what: `peak memory at 1 GB and at ${(setting.largeMegabytes / 1000).toFixed(0)} GB`,
      result: `${mebibytes(less)}, ${mebibytes(more)}`,
      bar: '≤ 256 MiB (160), within 32 MiB of each other',
      holds: less <= 256 * limit && more <= 256 * limit && apart <= 32 * limit,
    },
  ]
}

/** Every measurement by the name that `--only` takes. */
export const cases = { volume, small, job, dump, restore, memory } as const
