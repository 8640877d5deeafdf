import type { RestoreRun } from './run-context.ts'
import { stageDatabase } from './stage-databases.ts'
import type { StagedItem } from './stage-trees.ts'
import { stageTreeWork } from './stage-trees.ts'

/**
 * Stages what replaces nothing and switches it in at once: a database server may need its secrets and its
 * folders before it can be started.
 */
export async function stageEarly(run: RestoreRun): Promise<readonly StagedItem[]> {
  const early: StagedItem[] = []
  for (const [index, work] of run.design.trees.entries()) {
    if (work.replaces) continue
    run.job.signal.throwIfAborted()
    const staged = await stageTreeWork(run, work, index)
    await staged.activate()
    run.job.itemDone()
    early.push({ ...staged, isActive: true })
  }
  return early
}

/** Stages all the rest beside the live data. */
export async function stageAll(run: RestoreRun): Promise<readonly StagedItem[]> {
  const { design, job } = run
  const staged: StagedItem[] = []
  for (const [index, work] of design.trees.entries()) {
    if (!work.replaces) continue
    job.signal.throwIfAborted()
    staged.push(await stageTreeWork(run, work, index))
    job.itemDone()
  }
  for (const work of design.databases) {
    job.signal.throwIfAborted()
    staged.push(await stageDatabase(run, work))
    job.itemDone()
  }
  return staged
}
