import { AppError, type ErrorCode } from '../../contract/errors.ts'
import type { SourceProof } from '../lib/proven-stream.ts'
import type { Examination } from './examiner.ts'
import type { Received } from './receive.ts'

/** Everything that is known of an artifact once its stream has ended. */
export interface Evidence {
  /** For messages: path of the artifact. */
  readonly name: string
  /** How the bytes on the wire are stored: as they came, or compressed here. */
  readonly wire: 'stored' | 'plain'
  readonly received: Received
  readonly proof: SourceProof
  readonly examination: Examination
}

const STATE =
  'The data of this item was removed again. Snapshots that were complete before are untouched.'
const AGAIN =
  'Repeat the backup; if it happens again, look at the details for what the source said.'

function refuse(code: ErrorCode, message: string, hint: string, details: string): AppError {
  return new AppError(
    code,
    details === '' ? { message, state: STATE, hint } : { message, state: STATE, hint, details },
  )
}

/** What the command itself says. */
export function commandProblem(name: string, proof: SourceProof): AppError | null {
  if (proof.exitCode === null) {
    const message = `The engine could not tell how the command for ${name} ended.`
    return refuse('command-failed', message, AGAIN, proof.stderr)
  }
  if (proof.exitCode !== 0) {
    const killed = proof.exitCode > 128 ? ` (killed by signal ${proof.exitCode - 128})` : ''
    const message = `The command for ${name} ended with exit code ${proof.exitCode}${killed}.`
    return refuse('command-failed', message, AGAIN, proof.stderr)
  }
  if (proof.failure !== undefined) {
    return refuse(
      'command-failed',
      `The data of ${name} is no good: ${proof.failure}`,
      AGAIN,
      proof.stderr,
    )
  }
  return null
}

/** What the figures of both sides say. */
function figureProblem(evidence: Evidence): AppError | null {
  const { name, received, proof, examination } = evidence
  const truncated = (message: string): AppError =>
    refuse('stream-truncated', message, AGAIN, proof.stderr)
  const { streamBytes, streamSha256, plainBytes } = proof
  if (streamBytes === undefined && streamSha256 === undefined && plainBytes === undefined) {
    return truncated(`The source gave no proof of completeness for ${name}.`)
  }
  if (received.bytes === 0) return truncated(`Nothing arrived for ${name}.`)
  if (streamBytes !== undefined && streamBytes !== received.bytes) {
    return truncated(
      `The stream of ${name} is truncated: the source sent ${streamBytes} bytes, ${received.bytes} arrived.`,
    )
  }
  if (examination.codecProblem?.includes('ends in the middle') === true) {
    return truncated(`The stream of ${name} is truncated: ${examination.codecProblem}.`)
  }
  const corrupt = (message: string): AppError =>
    refuse('stream-corrupt', message, AGAIN, proof.stderr)
  if (examination.codecProblem !== null) {
    return corrupt(`The data of ${name} is damaged: ${examination.codecProblem}.`)
  }
  if (plainBytes !== undefined && plainBytes !== examination.plain.bytes) {
    return truncated(
      `The stream of ${name} is truncated: the source read ${plainBytes} bytes, ${examination.plain.bytes} arrived.`,
    )
  }
  if (examination.plain.bytes === 0) return truncated(`There is no data in the stream of ${name}.`)
  const back = evidence.wire === 'stored' ? examination.stored : examination.plain
  if (examination.stored.bytes !== received.storedBytes) {
    return corrupt(
      `Reading ${name} back gave ${examination.stored.bytes} bytes instead of ${received.storedBytes}.`,
    )
  }
  if (back.bytes !== received.bytes || back.crc32 !== received.crc32) {
    return corrupt(`Reading ${name} back from the disk gave other bytes than were written.`)
  }
  if (streamSha256 !== undefined && streamSha256 !== back.sha256) {
    return corrupt(`The SHA-256 of ${name} differs between the source and this computer.`)
  }
  return null
}

/** The reason why an artifact is no good; null when everything agrees. Pure. */
export function judge(evidence: Evidence): AppError | null {
  const { name, proof, examination } = evidence
  const problem = commandProblem(name, proof) ?? figureProblem(evidence)
  if (problem !== null) return problem
  const { complete, problem: why } = examination.inspection
  if (complete) return null
  return refuse(
    'dump-incomplete',
    `The data of ${name} is incomplete: ${why ?? 'its end is missing'}.`,
    AGAIN,
    proof.stderr,
  )
}
