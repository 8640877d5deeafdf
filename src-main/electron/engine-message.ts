import type { Answer } from '../contract/answer.ts'

/** What the window's process says to the engine's. */
export type ToEngine =
  | { readonly type: 'request'; readonly id: number; readonly name: string; readonly args: unknown }
  | { readonly type: 'close' }

/** What the engine's process says to the window's. */
export type FromEngine =
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'event'; readonly name: string; readonly payload: unknown }
