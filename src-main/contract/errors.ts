/**
 * Every way in which Lifeboat can fail, with the exit code that a script sees.
 * Exit codes follow restic's numbers where the meaning is the same (see docs/exit-codes in README).
 */
export const exitCodes = {
  failed: 1,
  'internal-error': 1,
  usage: 2,
  'unknown-stack': 2,
  'unknown-item': 2,
  'unknown-snapshot': 2,
  'unknown-host': 2,
  'ambiguous-name': 2,
  'invalid-settings': 2,
  incomplete: 3,
  'repository-missing': 10,
  'repository-foreign': 10,
  'repository-too-new': 10,
  'repository-unreadable': 10,
  'target-missing': 10,
  locked: 11,
  'wrong-key': 12,
  'host-unreachable': 13,
  'host-key-unknown': 13,
  'host-key-changed': 13,
  'login-failed': 13,
  'docker-missing': 13,
  'docker-permission': 13,
  'wrong-host': 13,
  'confirmation-needed': 14,
  'confirmation-mismatch': 14,
  'check-failed': 15,
  'drill-failed': 15,
  interrupted: 130,
  'disk-full': 1,
  'destination-unwritable': 1,
  'not-enough-space': 1,
  'no-helper-image': 1,
  'container-gone': 1,
  'command-failed': 1,
  'tool-missing': 1,
  'stream-truncated': 1,
  'stream-corrupt': 1,
  'dump-incomplete': 1,
  'version-mismatch': 1,
  'database-login': 1,
  'volume-missing': 1,
  'path-missing': 1,
  'busy-target': 1,
  'safety-snapshot-failed': 1,
  'restore-failed': 1,
  'rolled-back': 1,
  'health-failed': 1,
  'not-supported': 1,
  'unsafe-archive': 1,
  'nothing-to-undo': 2,
  'undo-expired': 2,
} as const satisfies Readonly<Record<string, number>>

/** The closed list of error codes. Codes are documented API: they never change their meaning. */
export type ErrorCode = keyof typeof exitCodes

/** The four parts that every error shows (requirement U8). */
export interface ErrorParts {
  /** What happened, one sentence, no class names. */
  readonly message: string
  /** What state data and services are in now, one sentence. */
  readonly state: string
  /** What to do about it: a sentence that names a command or a button. */
  readonly hint: string
  /** For people who want to know more: tool output, paths. Secrets are masked before they get here. */
  readonly details?: string
}

/** An error as it crosses a process border. */
export interface WireError extends ErrorParts {
  readonly code: ErrorCode
}

/** The one error class of Lifeboat: a code, the four parts, and the cause kept for the log. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly state: string
  readonly hint: string
  readonly details: string | undefined

  constructor(code: ErrorCode, parts: ErrorParts, cause?: unknown) {
    super(parts.message, cause === undefined ? undefined : { cause })
    this.name = 'AppError'
    this.code = code
    this.state = parts.state
    this.hint = parts.hint
    this.details = parts.details
  }

  /** The exit code that belongs to this error. */
  get exitCode(): number {
    return exitCodes[this.code]
  }
}

/** The state sentence for everything that fails before the first change. */
export const NOTHING_CHANGED = 'Nothing was changed.'

/**
 * Turns anything thrown into the form that crosses a process border. What is not an `AppError` is a
 * defect of ours and becomes `internal-error`.
 */
export function toWire(error: unknown): WireError {
  if (error instanceof AppError) {
    const { code, message, state, hint, details } = error
    return details === undefined
      ? { code, message, state, hint }
      : { code, message, state, hint, details }
  }
  const text = error instanceof Error ? error.message : String(error)
  return {
    code: 'internal-error',
    message: 'Something went wrong inside Lifeboat.',
    state: 'The operation stopped. Snapshots that were complete before are untouched.',
    hint: 'Run the command again with --debug and report what it prints.',
    details: error instanceof Error && error.stack !== undefined ? error.stack : text,
  }
}

/** Rebuilds the error on the other side of a process border. */
export function fromWire(wire: WireError): AppError {
  return new AppError(wire.code, wire)
}
