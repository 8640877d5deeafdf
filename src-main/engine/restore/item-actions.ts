import { AppError } from '../../contract/errors.ts'
import type { StackPolicy } from '../../contract/model.ts'
import { databaseById } from '../databases/index.ts'
import type { HelperMount } from '../hosts/helper.ts'
import type { Host } from '../hosts/host.ts'
import { driverContext } from './driver-context.ts'
import type { JournalItem } from './run-context.ts'
import { runTreeScript } from './tree/run-tree-script.ts'
import type { TreeTarget } from './tree/tree-place.ts'
import { targetFromJournal, targetToJournal } from './tree/tree-place.ts'
import type { TreePlaces } from './tree-places.ts'

/** Driver name of trees in the journal; all others are database engines. */
export const TREE = 'tree'

/** How long putting one database right may take, after a failure or a crash. */
const RECOVER_LIMIT_MS = 10 * 60_000

/** What is needed to put staged items right: in the run itself, and after its process died. */
export interface ItemEnvironment {
  readonly host: Host
  readonly places: TreePlaces
  readonly policy: StackPolicy
}

/** A tree as it is kept in the journal. */
export function treeJournal(mount: HelperMount, target: TreeTarget): JournalItem['data'] {
  return { mountType: mount.type, mountSource: mount.source, ...targetToJournal(target) }
}

function mountFromJournal(data: JournalItem['data']): HelperMount {
  const type = data['mountType'] === 'volume' ? 'volume' : 'bind'
  const source = data['mountSource'] ?? ''
  return { mount: `${type}:${source}`, type, source, readOnly: false }
}

/**
 * Takes an item back to how it was before it was staged, from wherever it stands; removes what was staged.
 * May be called again after it failed.
 */
export async function takeBack(env: ItemEnvironment, item: JournalItem): Promise<void> {
  if (item.driver === TREE) {
    await treeAction(env, item, 'revert')
    return
  }
  await recoverDatabase(env, item, 'revert')
  await recoverDatabase(env, item, 'discard')
}

/** Removes the former state of an item whose restore was accepted. May be called again. */
export async function finish(env: ItemEnvironment, item: JournalItem): Promise<void> {
  if (item.driver === TREE) await treeAction(env, item, 'finalize')
  else await recoverDatabase(env, item, 'finalize')
}

/**
 * Removes what an earlier restore left of an item that another one has replaced since. May be called again.
 */
export async function abandon(env: ItemEnvironment, item: JournalItem): Promise<void> {
  if (item.driver === TREE) await treeAction(env, item, 'abandon')
  else await recoverDatabase(env, item, 'finalize')
}

async function treeAction(
  env: ItemEnvironment,
  item: JournalItem,
  action: 'revert' | 'finalize' | 'abandon',
): Promise<void> {
  const mount = mountFromJournal(item.data)
  try {
    const at = await env.places.open(mount)
    await runTreeScript(targetFromJournal(item.data, at), action)
  } catch (error) {
    // A volume or folder that is gone holds nothing any more that could be put right.
    const isGone =
      error instanceof AppError && ['volume-missing', 'path-missing'].includes(error.code)
    if (!isGone) throw error
  }
}

async function recoverDatabase(
  env: ItemEnvironment,
  item: JournalItem,
  action: 'revert' | 'discard' | 'finalize',
): Promise<void> {
  // Nothing was done yet: the driver had not chosen its names.
  if (Object.keys(item.data).length === 0) return
  const engine = databaseById(item.driver)
  if (engine === null || env.host.kind !== 'docker' || item.containerId === null) {
    throw new AppError('not-supported', {
      message: `This version of Lifeboat cannot put ${item.item} right: it does not know ${item.driver}.`,
      state: 'The database may be in the middle of a restore.',
      hint: 'Use the version of Lifeboat that began the restore.',
    })
  }
  const signal = AbortSignal.timeout(RECOVER_LIMIT_MS)
  const options = env.policy.engines[engine.id]
  const context = await driverContext(env.host, item.containerId, options, signal)
  await engine.recover(context, item.data, action)
}
