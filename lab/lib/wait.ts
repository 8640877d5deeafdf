import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** Milliseconds; generous, since test machines are slow and noisy. */
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/**
 * Asks again and again until the answer is neither undefined, null nor false, and resolves to it.
 * Throws after the time limit with `what` and the last error, if asking threw.
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  options: WaitOptions = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 120_000)
  let lastError: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== null && answer !== false) return answer
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (Date.now() >= deadline) {
      const reason = lastError instanceof Error ? `: ${lastError.message}` : ''
      throw new Error(`waited in vain for ${what}${reason}`, { cause: lastError })
    }
    await sleep(options.everyMs ?? 200)
  }
}
