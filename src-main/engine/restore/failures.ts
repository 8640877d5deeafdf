import { AppError } from '../../contract/errors.ts'
import type { HealthResult } from './health.ts'

export function unhealthy({ detail }: HealthResult): AppError {
  return new AppError('health-failed', {
    message: `What was restored did not become healthy. ${detail}`,
    state: 'The restored data is in place and is being taken back.',
    hint: 'Look at the logs of the services (docker logs). A longer wait can be set in the stack’s policy (healthTimeoutMs).',
  })
}

export function notStarted(problem: string): AppError {
  return new AppError('restore-failed', {
    message: problem,
    state: 'It is being put back as it was.',
    hint: 'Look at the details and at the container’s log, then restore again.',
  })
}

/** The way back itself met problems: the journal stays, and the next start goes on. */
export function notPutBack(
  problems: readonly string[],
  safetySnapshot: string | null,
  cause: unknown,
): AppError {
  const safety =
    safetySnapshot === null
      ? ''
      : ` What was there before is also in the snapshot ${safetySnapshot}.`
  return new AppError(
    'restore-failed',
    {
      message: `The restore failed (${cause instanceof Error ? cause.message : String(cause)}), and not everything could be put back yet.`,
      state: `The restore is incomplete: the former state is kept on the host, beside the live data.${safety}`,
      hint: `Run "lifeboat doctor": it goes on putting everything back.${
        safetySnapshot === null ? '' : ' If it cannot, restore that snapshot.'
      }`,
      details: problems.join('\n'),
    },
    cause,
  )
}
