import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'

/** What the dump of one database rejects with whose reading failed; an `AppError` speaks for itself. */
export function refusedDatabase(
  cause: unknown,
  words: { readonly message: string; readonly hint: string },
): AppError {
  if (cause instanceof AppError) return cause
  return new AppError(
    'database-login',
    {
      ...words,
      state: NOTHING_CHANGED,
      details: cause instanceof Error ? cause.message : String(cause),
    },
    cause,
  )
}
