import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { repairRuns } from '../../../src-main/engine/runs/repair.ts'
import { openRepository } from '../../../src-main/engine/store/repository.ts'
import { depsIn } from '../../engine/capture-support.ts'

let home: string

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'lifeboat-repair-'))
})
afterEach(() => {
  rmSync(home, { recursive: true, force: true })
})

const noHost = () => Promise.reject(new Error('no host is needed'))

it('removes unfinished snapshots that no journal tells of, and says so once', async () => {
  const deps = depsIn(home)
  await openRepository(deps.paths.repository, { create: true, version: deps.version })
  const partial = path.join(deps.paths.repository, 'host', 'stack', '20261128T120000Z.partial')
  mkdirSync(partial, { recursive: true })
  writeFileSync(path.join(partial, 'half'), 'half')
  const actions = await repairRuns(deps, noHost)
  expect(actions).toEqual([
    {
      what: 'A run that died left an unfinished snapshot',
      ok: true,
      detail: `Removed ${partial}.`,
    },
  ])
  expect(existsSync(partial)).toBe(false)
  expect(await repairRuns(deps, noHost)).toEqual([])
})

it('begins no repository and is quiet where there is none', async () => {
  const deps = depsIn(home)
  expect(await repairRuns(deps, noHost)).toEqual([])
  mkdirSync(deps.paths.repository)
  expect(await repairRuns(deps, noHost)).toEqual([])
  expect(readdirSync(deps.paths.repository)).toEqual([])
})
