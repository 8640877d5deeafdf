import path from 'node:path'

import type { RepairReport } from '../../contract/reports.ts'
import { policyOf } from '../detect/detect.ts'
import type { Host } from '../hosts/host.ts'
import { assertSameDaemon } from '../hosts/index.ts'
import { sweepHelpers } from '../hosts/sweep-helpers.ts'
import type { Journal, RestoreJournal } from '../jobs/journal.ts'
import { readJournals, removeJournal } from '../jobs/journal.ts'
import type { EngineDeps } from '../ports.ts'
import { isAlive, wayToSafety } from './guard.ts'
import { removeSuperseded } from './superseded.ts'
import { treePlaces } from './tree-places.ts'
import { removeUndo } from './undo-record.ts'
import type { WayBackInput } from './way-back.ts'
import { goBack, goOn } from './way-back.ts'

type Action = RepairReport['actions'][number]

/**
 * Puts right what restores left that died in the middle: one that had not been accepted is taken back as a
 * whole and its services are started again; an accepted one is brought to its end. Restores that are alive
 * are left alone; what a host that is away needs stays in the journal for the next time. `openHost` gives
 * hosts that the caller closes.
 */
export async function repairRestores(
  deps: EngineDeps,
  openHost: (id: string) => Promise<Host>,
): Promise<RepairReport['actions']> {
  const actions: Action[] = []
  const dead = (await readJournals(deps.paths.state)).filter(
    each => each.kind === 'restore' && !isAlive(each),
  )
  const done = new Set<string>()
  // Newest first: one may have begun on what an earlier one had left.
  for (const journal of dead.toReversed()) {
    if (done.has(journal.jobId)) continue
    const action = await repairOne(deps, openHost, journal)
    actions.push(action)
    for (const each of journal.restore?.supersedes ?? []) {
      // Whether its ending was reached or not now, what it lies upon is not to be moved.
      if (isAccepted(journal) || !action.ok) done.add(each)
    }
  }
  return actions
}

function isAccepted({ restore }: Journal): boolean {
  return restore?.stage === 'finishing'
}

async function repairOne(
  deps: EngineDeps,
  openHost: (id: string) => Promise<Host>,
  journal: Journal,
): Promise<Action> {
  const what = `Restore of ${journal.stack} that was cut off (began ${journal.startedAt})`
  try {
    const host = await openHost(journal.host)
    await assertSameDaemon(host, journal.daemonId)
    // A helper of the dead process may still be at work on what is about to be put right.
    if (host.kind === 'docker') await sweepHelpers(host)
    const { policies } = await deps.settings.read()
    const places = treePlaces(host, { cacheFolder: deps.paths.cache })
    try {
      const accepted = isAccepted(journal)
      const input: WayBackInput = {
        journal,
        host,
        places,
        policy: policyOf(policies, journal.host, journal.stack),
        note: (level, message) => deps.logger[level === 'info' ? 'info' : 'warn'](message),
      }
      const problems = await (accepted ? goOn : goBack)(input)
      const left = accepted ? await removeSuperseded(deps, input) : []
      if (problems.length > 0) {
        return { what, ok: false, detail: [...problems, ...left, wayOn(journal)].join(' ') }
      }
      if (!accepted && journal.restore !== null) await forgetUndo(deps, journal.restore)
      await removeJournal(deps.paths.state, journal.jobId)
      return {
        what,
        ok: true,
        detail: accepted
          ? ['It was complete; what was left of the former state is removed.', ...left].join(' ')
          : 'Everything was put back as it was before; its services run again.',
      }
    } finally {
      await places.close()
    }
  } catch (error) {
    return { what, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}

/** What a person can do when the way back is barred. */
function wayOn(journal: Journal): string {
  const safety = journal.restore?.safetySnapshot ?? null
  if (isAccepted(journal)) return 'The restored data is in place.'
  return safety === null
    ? 'The restore is incomplete.'
    : `The restore is incomplete; ${wayToSafety(safety, journal.stack)}`
}

/** What was taken back cannot be undone as well. */
async function forgetUndo(deps: EngineDeps, restore: RestoreJournal): Promise<void> {
  const { safetySnapshot, repository, restoreId } = restore
  const folder =
    safetySnapshot === null ? null : path.join(repository, ...safetySnapshot.split('/'))
  await removeUndo(deps.paths.state, folder, restoreId)
}
