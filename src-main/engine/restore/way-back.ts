import type { StackPolicy } from '../../contract/model.ts'
import { databaseById } from '../databases/index.ts'
import { composeLabels } from '../detect/compose-labels.ts'
import type { ContainerDefinition, DockerHost, Host } from '../hosts/host.ts'
import type { Journal, RestoreJournal } from '../jobs/journal.ts'
import { isAwake } from './container-works.ts'
import { removeCreated } from './create-missing.ts'
import { driverContext } from './driver-context.ts'
import { finish, takeBack, TREE } from './item-actions.ts'
import type { Created, JournalItem } from './run-context.ts'
import { nothingCreated } from './run-context.ts'
import type { TreePlaces } from './tree-places.ts'

/** How long a database server may take to answer when it had to be started for the way back. */
const READY_LIMIT_MS = 120_000

export interface WayBackInput {
  readonly journal: Journal
  readonly host: Host
  readonly places: TreePlaces
  readonly policy: StackPolicy
  note(level: 'info' | 'warning' | 'error', message: string): void
}

/** What could not be put right, in words; empty when all is as it was. */
export type Problems = readonly string[]

/**
 * Puts everything back as it was before the restore, from wherever the journal says it stands: stops what
 * was started on new data, brings every item back (last one first), removes what was made, and starts what
 * ran. Used when a restore fails, and after its process died. May be called again.
 */
export async function goBack(input: WayBackInput): Promise<Problems> {
  const { journal, host, places, note } = input
  const { restore } = journal
  if (restore === null) return []
  const problems: string[] = []
  const created = restore.created ?? nothingCreated
  const docker = host.kind === 'docker' ? host : null
  const stopped = journal.quiesced.map(each => each.containerId)
  if (docker !== null) {
    problems.push(
      ...(await stopAll(
        docker,
        [
          ...new Set([
            ...stopped,
            ...(restore.started ?? []),
            ...(await idsOf(docker, created.containers)),
          ]),
        ],
        restore.items,
      )),
    )
  }
  // Nothing is moved under a program that still runs.
  if (problems.length > 0) return problems
  for (const entry of restore.items.toReversed()) {
    const item = await withCurrentContainer(host, journal.stack, entry)
    try {
      if (await goesAnyway(host, item, created)) continue
      await readyFor(input, item)
      await takeBack(input, item)
      note('info', `${item.item} is as it was.`)
    } catch (error) {
      problems.push(`${item.item} could not be taken back: ${messageOf(error)}`)
    }
  }
  // With an item half-way, what it lies in must stay, and nothing may run on it.
  if (problems.length > 0) return problems
  if (docker !== null) {
    problems.push(...(await stopAll(docker, restore.started ?? [], [])))
  }
  problems.push(...(await removeCreated(docker, places, created)))
  if (docker !== null) problems.push(...(await startAll(docker, stopped.toReversed(), note)))
  return problems
}

/** Brings an accepted restore to its end: removes the former state and starts what is to run. May be called again. */
export async function goOn(input: WayBackInput): Promise<Problems> {
  const { journal, host, note } = input
  const { restore } = journal
  if (restore === null) return []
  const problems: string[] = []
  if (host.kind === 'docker') {
    problems.push(...(await startAll(host, restore.runAfter ?? [], note)))
  }
  for (const entry of restore.items) {
    const item = await withCurrentContainer(host, journal.stack, entry)
    try {
      await readyFor(input, item)
      await finish(input, item)
    } catch (error) {
      problems.push(`The former state of ${item.item} could not be removed: ${messageOf(error)}`)
    }
  }
  if (host.kind === 'docker') {
    // A server that was stopped in the snapshot ran for the loading alone.
    const idle = (restore.started ?? []).filter(each => restore.runAfter?.includes(each) !== true)
    problems.push(...(await stopAll(host, idle, [])))
  }
  return [...problems, ...(await remove(input, restore.removes))]
}

/** What an undo removes: last, so that everything else is in its place whatever happens here. */
async function remove(
  { host, places, policy, journal }: WayBackInput,
  removes: RestoreJournal['removes'],
): Promise<Problems> {
  if (removes === undefined) return []
  const problems: string[] = []
  // Last one first: what several share (roles) is noted with the first one that needed it.
  for (const { item, service, driver, data } of removes.databases.toReversed()) {
    if (host.kind !== 'docker') continue
    const container = containerOf(await host.containers(), journal.stack, service)
    // With its server, the database is gone as well.
    if (container === undefined || !isAwake(container.state)) continue
    try {
      const entry = { item, driver, service, containerId: container.id, state: 'switched' as const }
      await takeBack({ host, places, policy }, { ...entry, data })
    } catch (error) {
      problems.push(`${item} could not be removed: ${messageOf(error)}`)
    }
  }
  const docker = host.kind === 'docker' ? host : null
  return [...problems, ...(await removeCreated(docker, places, removes.created))]
}

async function idsOf(host: DockerHost, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return []
  return (await host.containers()).filter(each => names.includes(each.name)).map(each => each.id)
}

/** Stops containers that run, but for those whose server is needed for the way back. */
async function stopAll(
  host: DockerHost,
  ids: readonly string[],
  items: readonly JournalItem[],
): Promise<Problems> {
  const needed = new Set(items.map(each => each.containerId))
  const problems = await Promise.all(
    ids
      .filter(each => !needed.has(each))
      .map(async id => {
        try {
          const now = await host.container(id)
          if (isAwake(now.state)) await host.stop(id, now.stopGraceMs)
          return null
        } catch (error) {
          return isGone(error) ? null : `A container could not be stopped: ${messageOf(error)}`
        }
      }),
  )
  return problems.filter(each => each !== null)
}

async function startAll(
  host: DockerHost,
  ids: readonly string[],
  note: WayBackInput['note'],
): Promise<Problems> {
  const problems: string[] = []
  for (const id of ids) {
    try {
      const now = await host.container(id)
      if (now.state === 'paused') await host.unpause(id)
      else if (isAwake(now.state)) continue
      else await host.start(id)
      note('info', `Started ${now.name}.`)
    } catch (error) {
      // Who removed it has put another one in its place, or wants none.
      if (isGone(error))
        note('warning', `A container that was stopped is gone (${id.slice(0, 12)}).`)
      else problems.push(`A container could not be started again: ${messageOf(error)}`)
    }
  }
  return problems
}

function containerOf(
  containers: readonly ContainerDefinition[],
  stack: string,
  service: string,
): ContainerDefinition | undefined {
  return (
    containers.find(
      ({ labels }) =>
        labels[composeLabels.project] === stack && labels[composeLabels.service] === service,
    ) ?? containers.find(each => each.name === service && service === stack)
  )
}

/** `docker compose up` may have made a new container for the service meanwhile. */
async function withCurrentContainer(
  host: Host,
  stack: string,
  item: JournalItem,
): Promise<JournalItem> {
  if (host.kind !== 'docker' || item.containerId === null || item.service === null) return item
  const containers = await host.containers()
  if (containers.some(each => each.id === item.containerId)) return item
  const other = containerOf(containers, stack, item.service)
  return other === undefined ? item : { ...item, containerId: other.id }
}

/** True for a database in a server that was made for the restore, data and all: it is removed as a whole. */
async function goesAnyway(host: Host, item: JournalItem, created: Created): Promise<boolean> {
  if (host.kind !== 'docker' || item.containerId === null || item.driver === TREE) return false
  const container = (await host.containers()).find(each => each.id === item.containerId)
  if (container === undefined || !created.containers.includes(container.name)) return false
  return container.mounts
    .filter(each => (each.type === 'volume' || each.type === 'bind') && !each.readOnly)
    .every(each => each.type === 'volume' && created.volumes.includes(each.source))
}

/** A server that is down (its host was restarted meanwhile) cannot be asked to rename anything. */
async function readyFor({ host, policy }: WayBackInput, item: JournalItem): Promise<void> {
  if (host.kind !== 'docker' || item.containerId === null || item.driver === TREE) return
  if (Object.keys(item.data).length === 0) return
  const now = await host.container(item.containerId)
  if (now.state === 'paused') await host.unpause(now.id)
  else if (!isAwake(now.state)) await host.start(now.id)
  else return
  const engine = databaseById(item.driver)
  const signal = AbortSignal.timeout(READY_LIMIT_MS)
  const context = await driverContext(host, now.id, policy.engines[item.driver], signal)
  await engine?.ready(context, READY_LIMIT_MS)
}

function isGone(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'container-gone'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
