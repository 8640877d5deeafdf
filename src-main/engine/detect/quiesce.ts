import type { Consistency, Item, StackPolicy } from '../../contract/model.ts'
import { lostWhenStopped } from './come-back.ts'
import { volumeBackupLabels } from './compose-labels.ts'
import type { ServiceContainer } from './facts.ts'
import { isRunning } from './grouping.ts'

/** How a service is kept quiet while what it writes to is copied. */
export interface Quieting {
  readonly service: string
  readonly how: 'stop' | 'pause'
  /** Why this way, for the plan; one phrase. */
  readonly reason: string
  /** Why it is paused where a stop was wanted: it would not come back. Null for all others. */
  readonly insteadOfStop: string | null
  /** Ledger ids for the sake of which it is kept quiet. */
  readonly items: readonly string[]
}

/** Items whose bytes are read from files while writers are kept quiet. */
function isFileCopy(item: Item): boolean {
  return (
    item.decision === 'include' &&
    (item.kind === 'volume' || item.kind === 'bind' || item.kind === 'sqlite') &&
    item.method !== 'covered-by-dump' &&
    item.takenWith?.startsWith('config:') !== true
  )
}

/**
 * Which services are stopped or paused for the given items, and which of the two: those that can write to
 * a copied mount and run now, never a database server that is dumped. Stopped where the files demand it or
 * the service cannot be paused, else paused. `isWanted` narrows it to the items of a partial backup.
 */
export function quietings(
  items: readonly Item[],
  containers: readonly ServiceContainer[],
  policy: Pick<StackPolicy, 'quiesce'>,
  isWanted: (item: Item) => boolean = () => true,
): readonly Quieting[] {
  const wish = policy.quiesce
  if (wish === 'none') return []
  const dumped = new Set(
    items
      .filter(each => each.method === 'dump' && each.decision === 'include')
      .map(each => each.service),
  )
  const services = [...new Set(containers.map(each => each.service))]
  return services.flatMap((service): readonly Quieting[] => {
    const running = containers.filter(each => each.service === service && isRunning(each))
    const written = items.filter(
      each => isFileCopy(each) && each.writers.includes(service) && isWanted(each),
    )
    if (running.length === 0 || written.length === 0 || dumped.has(service)) return []
    const choice = neverLost(howToQuiet(service, running, written, wish), running)
    return [{ service, ...choice, items: written.map(each => each.id) }]
  })
}

/** A container that a stop would lose is paused instead, whoever asked for the stop. */
function neverLost(
  choice: Pick<Quieting, 'how' | 'reason'>,
  running: readonly ServiceContainer[],
): Pick<Quieting, 'how' | 'reason' | 'insteadOfStop'> {
  const [lost] = running.map(lostWhenStopped).filter(each => each !== null)
  if (choice.how === 'pause' || lost === undefined) return { ...choice, insteadOfStop: null }
  return { how: 'pause', reason: `${choice.reason}, and ${lost}`, insteadOfStop: lost }
}

function howToQuiet(
  service: string,
  running: readonly ServiceContainer[],
  written: readonly Item[],
  wish: 'auto' | 'stop' | 'pause',
): Pick<Quieting, 'how' | 'reason'> {
  if (running.some(each => each.state === 'restarting')) {
    return { how: 'stop', reason: `${service} restarts again and again, so it cannot be paused` }
  }
  if (wish === 'stop') return { how: 'stop', reason: 'you chose to stop what writes' }
  if (wish === 'pause') return { how: 'pause', reason: 'you chose to pause what writes' }
  const needs = written.find(each => each.method === 'stopped-copy')
  if (needs !== undefined) {
    return {
      how: 'stop',
      reason: `the files of ${needs.id} are only good while nothing runs on them`,
    }
  }
  const label = running
    .flatMap(each => Object.keys(each.labels))
    .find(each => each === volumeBackupLabels.stop || each === volumeBackupLabels.stopForGood)
  if (label !== undefined) return { how: 'stop', reason: `its label ${label} asks for it` }
  const count = written.length
  return {
    how: 'pause',
    reason: `it can write to ${written[0]?.id ?? ''}${count > 1 ? ` and ${count - 1} more` : ''}`,
  }
}

/**
 * Sets method and consistency of what is copied by what its writers do meanwhile: the weakest of them
 * decides. Pure, and the same again when applied to its own result.
 */
export function settle(
  items: readonly Item[],
  containers: readonly ServiceContainer[],
  policy: Pick<StackPolicy, 'quiesce'>,
  isWanted: (item: Item) => boolean = () => true,
): readonly Item[] {
  const quiet = new Map(
    quietings(items, containers, policy, isWanted).map(each => [each.service, each.how]),
  )
  const stateOf = (writer: string): 'still' | 'stopped' | 'paused' | 'writing' => {
    const how = quiet.get(writer)
    if (how !== undefined) return how === 'stop' ? 'stopped' : 'paused'
    const own = containers.filter(each => each.service === writer)
    // A writer of another stack is listed only while it runs, and nothing stops it.
    if (own.length === 0 || own.some(isRunning)) return 'writing'
    return own.some(each => each.state === 'paused') ? 'paused' : 'still'
  }
  const settled = items.map(item =>
    isFileCopy(item) ? settleItem(item, item.writers.map(stateOf)) : item,
  )
  return settled.map(item => followHolder(item, settled))
}

function settleItem(item: Item, states: readonly string[]): Item {
  const consistency: Consistency = states.includes('writing')
    ? 'hot'
    : states.includes('paused')
      ? 'crash-consistent'
      : 'app-consistent'
  if (item.method === 'sqlite-backup') {
    // The file and its log are taken together and settled: a paused writer leaves a whole database.
    return { ...item, consistency: consistency === 'hot' ? 'hot' : 'app-consistent' }
  }
  const needsStop = item.method === 'stopped-copy' && consistency !== 'hot'
  const method = states.includes('paused')
    ? 'paused-copy'
    : states.includes('stopped') || needsStop
      ? 'stopped-copy'
      : 'copy'
  return { ...item, method, consistency }
}

/** What is taken with another item is as good as that one. */
function followHolder(item: Item, items: readonly Item[]): Item {
  const holder = items.find(each => each.id === item.takenWith)
  if (holder === undefined || holder.decision !== 'include' || item.decision !== 'include')
    return item
  return { ...item, method: holder.method, consistency: holder.consistency }
}
