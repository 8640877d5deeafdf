import type { ErrorCode, ErrorParts } from '../../contract/errors.ts'
import { AppError } from '../../contract/errors.ts'
import type { HostProblem } from '../../contract/model.ts'

/** The layer at which reaching a host failed (rule S5). */
export type HostLayer = HostProblem['layer'] | 'session'

/** An error of reaching or using a host that also knows the layer at which it happened. */
export class HostError extends AppError {
  readonly layer: HostLayer

  constructor(code: ErrorCode, layer: HostLayer, parts: ErrorParts, cause?: unknown) {
    super(code, parts, cause)
    this.layer = layer
  }
}

/** Any error as the problem line of a host in a list: one sentence and one line of advice. */
export function problemOf(error: unknown): HostProblem {
  if (error instanceof HostError) {
    // A login that allows no commands and no forwarding is, for the user, a matter of the login.
    const layer = error.layer === 'session' ? 'login' : error.layer
    return { layer, message: error.message, hint: error.hint }
  }
  if (error instanceof AppError) {
    return { layer: 'daemon', message: error.message, hint: error.hint }
  }
  return {
    layer: 'daemon',
    message: error instanceof Error ? error.message : String(error),
    hint: 'Run the command again with --debug to see more.',
  }
}
