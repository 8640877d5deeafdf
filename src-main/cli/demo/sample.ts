import type { Facts } from './facts.ts'

/** A stack that the demo makes, damages and gets back. */
export interface Sample {
  readonly kind: 'docker' | 'folder'
  /** Host id, as `--host` takes it. */
  readonly host: string
  readonly stack: string
  /** What it is, in a sentence. */
  readonly about: string
  /** Everything it holds, read without Lifeboat's engine. */
  describe(): Promise<Facts>
  /** The disaster; says in words what was destroyed. */
  damage(): Promise<readonly string[]>
  /** Removes every trace; throws when something is left. */
  remove(): Promise<void>
}

/** Name of the sample stack. */
export const STACK = 'harbour'
