import type { ErrorCode } from '../../contract/errors.ts'
import { AppError, exitCodes, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { RestorePlan } from '../../contract/model.ts'
import type { Host } from '../hosts/host.ts'
import type { Journal } from '../jobs/journal.ts'
import { readJournals } from '../jobs/journal.ts'
import { processStartOf, thisProcess } from '../lib/process-identity.ts'

/** The typed name must be the stack's, letter by letter. */
export function checkConfirmation(stack: string, confirm: string): void {
  if (confirm === stack) return
  if (confirm === '') {
    throw new AppError('confirmation-needed', {
      message: `A restore in place replaces what the stack ${stack} holds now, so it must be confirmed.`,
      state: NOTHING_CHANGED,
      hint: `Look at the plan (--dry-run), then repeat the command with --confirm ${stack}`,
    })
  }
  throw new AppError('confirmation-mismatch', {
    message: `The confirmation ${JSON.stringify(confirm)} is not the name of the stack, ${JSON.stringify(stack)}.`,
    state: NOTHING_CHANGED,
    hint: `Type the name exactly as it is: --confirm ${stack}`,
  })
}

/** Refuses a plan with blockers: the first one is the error, all are in the details. */
export function refuseBlocked(plan: RestorePlan): void {
  const [first] = plan.blockers
  if (first === undefined) return
  throw new AppError(codeOf(first.code), {
    message: first.message,
    state: NOTHING_CHANGED,
    hint: first.hint,
    ...(plan.blockers.length === 1
      ? {}
      : { details: plan.blockers.map(each => `${each.message} ${each.hint}`).join('\n') }),
  })
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(exitCodes, code) ? (code as ErrorCode) : 'restore-failed'
}

/**
 * Refuses while another run of this computer works on the stack, or one that died there has not been put
 * right yet; but its safety snapshot may be restored over what it left. Returns the runs that this supersedes.
 */
export async function refuseConcurrent(
  stateFolder: string,
  host: Host,
  stack: string,
  snapshot: string,
): Promise<readonly string[]> {
  const superseded: string[] = []
  const daemonId = host.summary.daemon?.id ?? null
  for (const journal of await readJournals(stateFolder)) {
    const isSame =
      journal.stack === stack &&
      (daemonId === null ? journal.host === host.summary.id : journal.daemonId === daemonId)
    if (!isSame) continue
    if (isAlive(journal)) {
      throw new AppError('locked', {
        message: `A ${journal.kind} of ${stack} is running (process ${journal.pid}, since ${journal.startedAt}).`,
        state: NOTHING_CHANGED,
        hint: 'Wait until it has ended, then restore.',
      })
    }
    if (journal.kind !== 'restore') continue
    const safety = journal.restore?.safetySnapshot ?? null
    if (safety === snapshot) {
      superseded.push(journal.jobId, ...(journal.restore?.supersedes ?? []))
      continue
    }
    throw new AppError('locked', {
      message: `A restore of ${stack} that began at ${journal.startedAt} was cut off and has not been put right.`,
      state: NOTHING_CHANGED,
      hint: `Run "lifeboat doctor": it puts the stack back as it was. Then restore again.${
        safety === null ? '' : ` Should it fail: ${wayToSafety(safety, stack)}`
      }`,
    })
  }
  return superseded
}

/** In words: how to get back by the safety snapshot what a restore that died cannot give back itself. */
export function wayToSafety(safetySnapshot: string, stack: string): string {
  return `what was there before is in the snapshot ${safetySnapshot}: lifeboat restore ${safetySnapshot} --in-place --confirm ${stack}`
}

/** True while the process that wrote the journal runs. */
export function isAlive(journal: Journal): boolean {
  // Its process has given up and left it to be repaired.
  if (journal.pid <= 0) return false
  if (journal.pid === thisProcess().pid) return true
  const start = processStartOf(journal.pid)
  if (start !== null) return journal.processStart === null || start === journal.processStart
  try {
    process.kill(journal.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
