import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

import { afterAll, beforeAll, expect } from 'vitest'

import { waitFor } from '../../lab/lib/wait.ts'
import type { BackupReport } from '../../src-main/contract/model.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import type { BackupInput } from '../../src-main/engine/runs/backup.ts'
import { backupStack } from '../../src-main/engine/runs/backup.ts'
import { openRepository } from '../../src-main/engine/store/repository.ts'
import type { Home, RecordedJob, SmallStack } from './capture-support.ts'
import { helpersOf, makeHome, makeSmallStack, openLab, statesOf } from './capture-support.ts'

/** One small stack whose app is stopped for each backup, for suites of faults. */
export interface BackupScene {
  readonly home: Home
  readonly host: DockerHost
  readonly stack: SmallStack
}

/** Set up before the first test of the file that calls this, and taken away after its last. */
export function backupScene(): BackupScene {
  const parts: { home?: Home; host?: DockerHost; stack?: SmallStack } = {}
  const ready = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the scene is not set up yet')
    return part
  }
  beforeAll(async () => {
    parts.home = await makeHome()
    parts.host = await openLab(parts.home.deps)
    parts.stack = await makeSmallStack(60, { how: 'stop' })
  })
  afterAll(async () => {
    await parts.host?.close()
    await parts.stack?.[Symbol.asyncDispose]()
    await parts.home?.[Symbol.asyncDispose]()
  })
  return {
    get home() {
      return ready(parts.home)
    },
    get host() {
      return ready(parts.host)
    },
    get stack() {
      return ready(parts.stack)
    },
  }
}

export function repositoryAt(folder: string) {
  return openRepository(folder, { create: true, version: 'test' })
}

export async function backUp(
  { home, host, stack }: BackupScene,
  job: RecordedJob,
  change: Partial<BackupInput> = {},
): Promise<BackupReport> {
  const repository = change.repository ?? (await repositoryAt(home.repository))
  return backupStack({ deps: home.deps, host, stack: stack.name, job, ...change, repository })
}

export function filesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** Everything is as before the run: containers, helpers, journal, repository. */
export async function expectClean(
  { home, stack }: BackupScene,
  before: unknown,
  snapshots: readonly string[],
  pid = process.pid,
) {
  expect(await statesOf(stack.app, stack.web, stack.idle)).toEqual(before)
  await waitFor('helpers to go', async () => (await helpersOf(pid)).length === 0)
  expect(filesIn(path.join(home.deps.paths.state, 'journal'))).toEqual([])
  expect(filesIn(path.join(home.deps.paths.cache, 'work'))).toEqual([])
  const repository = await repositoryAt(home.repository)
  expect(await repository.partials()).toEqual([])
  const listed = await repository.list()
  expect(listed.map(each => each.id)).toEqual(snapshots)
  expect(listed.every(each => each.outcome === 'complete')).toBe(true)
}

export async function now({ home, stack }: BackupScene): Promise<{
  readonly states: unknown
  readonly snapshots: readonly string[]
}> {
  const repository = await repositoryAt(home.repository)
  const snapshots = (await repository.list()).map(each => each.id)
  return { states: await statesOf(stack.app, stack.web, stack.idle), snapshots }
}
