import type { ProcessIdentity } from '../lib/process-identity.ts'
import { stateOf, thisProcess } from '../lib/process-identity.ts'

/** This process as the value of a helper's owner label. */
export function helperOwner(): string {
  return JSON.stringify(thisProcess())
}

/**
 * Whether the process that started a helper still runs: `unknown` when it belongs to another computer,
 * and for a label that is not ours to read.
 */
export function ownerState(label: string | undefined): 'running' | 'gone' | 'unknown' {
  try {
    return stateOf(JSON.parse(label ?? 'null') as ProcessIdentity)
  } catch {
    return 'unknown'
  }
}
