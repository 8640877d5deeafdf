import { readdir } from 'node:fs/promises'
import path from 'node:path'

import { expect } from 'vitest'

import { waitFor } from '../../lab/lib/wait.ts'
import type { RepairReport } from '../../src-main/contract/reports.ts'
import { sweepHelpers } from '../../src-main/engine/hosts/sweep-helpers.ts'
import { readJournals } from '../../src-main/engine/jobs/journal.ts'
import { repairRuns } from '../../src-main/engine/runs/repair.ts'
import { helpersOf, type JobChild, startChild } from './capture-support.ts'
import type { Bench } from './restore-support.ts'

/** A child that restores the snapshot of the bench, see restore-child.ts. */
export function startRestore({ home, stack, snapshot }: Bench, hold?: string): JobChild {
  return startChild('restore-child.ts', [home.folder, stack.name, snapshot], hold)
}

/** What a restore had reached when it was killed. */
interface Killed {
  /** It had told of its end. */
  readonly finished: boolean
  /** It counted already: the next start goes on instead of back. */
  readonly accepted: boolean
  readonly actions: RepairReport['actions']
}

/** Kills the child, repairs as the next start does, and demands that nothing of the run is left. */
export async function killAndRepair(bench: Bench, child: JobChild): Promise<Killed> {
  child.kill('SIGKILL')
  await child.ended
  const { deps } = bench.home
  const finished = child.lines.some(each => each.startsWith('report '))
  const [journal] = (await readJournals(deps.paths.state)).filter(each => each.kind === 'restore')
  // Between the removal of its journal and its last word it was accepted as well.
  const accepted =
    journal?.restore?.stage === 'finishing' ||
    (journal === undefined && child.lines.includes('Removing the former state'))
  const openHost = () => Promise.resolve(bench.host)
  const actions = await repairRuns(deps, openHost)
  expect(actions.filter(each => !each.ok)).toEqual([])
  expect(await repairRuns(deps, openHost)).toEqual([])
  // Each start sweeps the hosts that it opens. The engine may still be making what the dead process had asked
  // for, and a dead-man switch that was never spoken to waits 75 s before it ends itself.
  const areGone = async (): Promise<boolean> => {
    await sweepHelpers(bench.host)
    return (await helpersOf(child.pid)).length === 0
  }
  await waitFor('helpers of the killed run to go', areGone, { timeoutMs: 180_000 })
  expect(await filesIn(path.join(deps.paths.state, 'journal'))).toEqual([])
  expect(await filesIn(path.join(deps.paths.cache, 'work'))).toEqual([])
  expect(await bench.repository.partials()).toEqual([])
  return { finished, accepted, actions }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => [])
}
