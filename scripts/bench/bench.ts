/**
 * Measures Lifeboat against the plain tools, interleaved, and prints a table for docs/performance.md.
 *
 *   npm run bench -- [--rounds 5] [--only volume,small,job,dump,restore,memory] [--megabytes 1900]
 *                    [--large-megabytes 20000] [--engine 20]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import type { EngineId } from '../../lab/docker.ts'
import { docker, sweep } from '../../lab/docker.ts'
import { cases, type Setting } from './cases.ts'
import { timed } from './measure.ts'
import { markdown, type Row } from './table.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: Object.keys(cases).join(',') },
    megabytes: { type: 'string', default: '1900' },
    'large-megabytes': { type: 'string', default: '20000' },
    engine: { type: 'string', default: '20' },
  },
})

const tell = (line: string): void => void process.stderr.write(`${line}\n`)
const home = await mkdtemp(path.join(tmpdir(), 'lifeboat-bench-'))
const engine = values.engine as EngineId
const setting: Setting = {
  docker: docker(engine),
  home,
  rounds: Number(values.rounds),
  megabytes: Number(values.megabytes),
  largeMegabytes: Number(values['large-megabytes']),
  tell,
}
const rows: Row[] = []
try {
  tell('building the command …')
  await timed([process.execPath, path.join(import.meta.dirname, '../build.ts')], process.env)
  for (const name of values.only.split(',')) {
    const measure = Object.hasOwn(cases, name) ? cases[name as keyof typeof cases] : undefined
    if (measure === undefined) throw new Error(`there is no measurement called ${name}`)
    tell(`${name} …`)
    rows.push(...(await measure(setting)))
  }
} finally {
  await rm(home, { recursive: true, force: true })
  await sweep(engine)
}
const machine = `${availableParallelism()} cores, ${setting.docker.engine.label}, Node ${process.version}`
process.stdout.write(`${markdown(rows, `${machine}, ${values.rounds} interleaved rounds`)}\n`)
process.exitCode = rows.some(each => each.holds === false) ? 1 : 0
