import { rm } from 'node:fs/promises'
import path from 'node:path'

import { AppError } from '../../contract/errors.ts'
import type { RepairReport } from '../../contract/reports.ts'
import type { DockerHost, Host } from '../hosts/host.ts'
import { sweepHelpers } from '../hosts/sweep-helpers.ts'
import type { Journal } from '../jobs/journal.ts'
import { readJournals, removeJournal, writeJournal } from '../jobs/journal.ts'
import { processStartOf } from '../lib/process-identity.ts'
import type { EngineDeps } from '../ports.ts'
import { openRepository } from '../store/repository.ts'
import { workFolderOf } from './backup.ts'

type Action = RepairReport['actions'][number]

/**
 * Puts right what backups left that died in the middle (rules C9, U11): starts or unpauses what they had
 * stopped or paused and nobody has started since, removes their helpers, their unfinished snapshots and
 * their working files. Runs that are alive are left alone. Services of a host that is away stay in the
 * journal for the next time. Everything is told. `openHost` gives hosts that the caller closes.
 */
export async function repairBackups(
  deps: EngineDeps,
  openHost: (id: string) => Promise<Host>,
): Promise<RepairReport['actions']> {
  const actions: Action[] = []
  for (const journal of await readJournals(deps.paths.state)) {
    if (journal.kind !== 'backup' || isAlive(journal)) continue
    const left = await repairOne(deps, openHost, journal, action => actions.push(action))
    if (left === null) await removeJournal(deps.paths.state, journal.jobId)
    else await writeJournal(deps.paths.state, left).catch(() => undefined)
  }
  return actions
}

/** A reused pid is told apart by the start of the process. */
function isAlive({ pid, processStart }: Journal): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const start = processStartOf(pid)
  return start === null || processStart === null || start === processStart
}

/** What is left to do afterwards, or null. */
async function repairOne(
  deps: EngineDeps,
  openHost: (id: string) => Promise<Host>,
  journal: Journal,
  tell: (action: Action) => void,
): Promise<Journal | null> {
  const quiesced = await repairServices(openHost, journal, tell)
  await removePartial(deps, journal, tell)
  await rm(workFolderOf(deps, journal.jobId), { recursive: true, force: true }).catch(
    () => undefined,
  )
  return quiesced.length === 0 ? null : { ...journal, quiesced, partialFolder: null }
}

async function repairServices(
  openHost: (id: string) => Promise<Host>,
  journal: Journal,
  tell: (action: Action) => void,
): Promise<Journal['quiesced']> {
  const { quiesced, helpers } = journal
  if (quiesced.length === 0 && helpers.length === 0) return []
  let host: Host
  try {
    host = await openHost(journal.host)
  } catch (error) {
    if (quiesced.length > 0) {
      tell({
        what: whatOf(journal),
        ok: false,
        detail: `The host cannot be reached: ${messageOf(error)}`,
      })
    }
    // Helpers end by themselves; services do not.
    return quiesced
  }
  try {
    if (host.kind !== 'docker') return []
    const { id } = await host.daemon()
    if (journal.daemonId !== null && id !== journal.daemonId) {
      tell({ what: whatOf(journal), ok: false, detail: `${journal.host} is another engine now.` })
      return quiesced
    }
    const left: Journal['quiesced'][number][] = []
    for (const each of quiesced.toReversed()) {
      if (!(await bringBack(host, each, tell))) left.unshift(each)
    }
    // The switch has nothing more to do once everything runs.
    if (left.length === 0)
      for (const id of helpers) await host.removeHelper(id).catch(() => undefined)
    await sweepHelpers(host).catch(() => [])
    return left
  } catch (error) {
    tell({ what: whatOf(journal), ok: false, detail: messageOf(error) })
    return quiesced
  }
}

async function bringBack(
  host: DockerHost,
  { containerId, service, how }: Journal['quiesced'][number],
  tell: (action: Action) => void,
): Promise<boolean> {
  const what = `${service} had been ${how === 'stop' ? 'stopped' : 'paused'} by a backup that died`
  try {
    const { state } = await host.container(containerId)
    if (how === 'pause' && state === 'paused') {
      await host.unpause(containerId)
      tell({ what, ok: true, detail: `Unpaused ${service}.` })
    } else if (how === 'stop' && (state === 'exited' || state === 'created' || state === 'dead')) {
      await host.start(containerId)
      tell({ what, ok: true, detail: `Started ${service}.` })
    } else {
      tell({ what, ok: true, detail: `${service} is ${state}; nothing had to be done.` })
    }
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'container-gone') {
      tell({ what, ok: false, detail: `Its container is gone; somebody removed it since.` })
      return true
    }
    tell({ what, ok: false, detail: `It could not be brought back: ${messageOf(error)}` })
    return false
  }
}

/** What cannot be removed now is removed by the next backup of the stack to that repository. */
async function removePartial(
  deps: EngineDeps,
  { partialFolder, stack }: Journal,
  tell: (action: Action) => void,
): Promise<void> {
  if (partialFolder === null) return
  // <repository>/<host>/<stack>/<time>.partial
  const root = path.resolve(partialFolder, '..', '..', '..')
  const what = `A backup of ${stack} left an unfinished snapshot`
  try {
    const repository = await openRepository(root, { version: deps.version })
    const removed = await repository.removePartials()
    if (removed.includes(partialFolder)) {
      tell({ what, ok: true, detail: `Removed ${partialFolder}.` })
    }
  } catch (error) {
    tell({ what, ok: false, detail: `${partialFolder} cannot be removed now: ${messageOf(error)}` })
  }
}

function whatOf({ stack, quiesced }: Journal): string {
  const names = quiesced.map(each => each.service).join(', ')
  return `A backup of ${stack} died${names === '' ? '' : ` while ${names} were kept quiet`}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
