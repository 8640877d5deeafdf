import { z } from 'zod'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'

/**
 * Facts as a snapshot kept them; `what` they are of: `this database`. Rejects with `not-supported` when they
 * are no such facts.
 */
export function factsOf<S extends z.ZodType>(schema: S, facts: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(facts)
  if (parsed.success) return parsed.data
  throw new AppError('not-supported', {
    message: `The snapshot tells too little about ${what} to load it.`,
    state: NOTHING_CHANGED,
    hint: 'Load it by hand with the commands of the snapshot’s RESTORE.md.',
    details: z.prettifyError(parsed.error),
  })
}
