import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'

/** The user, or what started the run, stopped it. */
export function interrupted(state: string = NOTHING_CHANGED): AppError {
  return new AppError('interrupted', {
    message: 'The run was stopped.',
    state,
    hint: 'Run the command again when you are ready.',
  })
}
