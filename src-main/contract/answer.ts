import type { Client, EventName, RequestName } from './contract.ts'
import { toWire, type WireError } from './errors.ts'

/** An answer as it crosses process borders, where a thrown error would lose all but its message. */
export type Answer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: WireError }

/** Everything that the engine tells without being asked, to be passed on over a border. */
export const eventNames: readonly EventName[] = ['job.progress', 'job.event', 'job.finished']

/** Asks the engine what came from outside; name and arguments are checked there. Never rejects. */
export async function answerTo(client: Client, name: unknown, args: unknown): Promise<Answer> {
  try {
    return { ok: true, value: await client.call(name as RequestName, args as never) }
  } catch (error) {
    return { ok: false, error: toWire(error) }
  }
}
