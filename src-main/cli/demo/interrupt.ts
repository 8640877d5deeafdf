import { AppError } from '../../contract/errors.ts'
import type { Signals } from '../session.ts'

/**
 * Runs work that can be interrupted between jobs too: Ctrl-C aborts the signal, and whoever waits for it
 * cleans up. Jobs listen to Ctrl-C by themselves and say what they undo.
 */
export async function interruptible<T>(
  signals: Signals,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const onInterrupt = (): void => {
    controller.abort(
      new AppError('interrupted', {
        message: 'The demo was stopped.',
        state: 'What it had made was removed; your own settings and snapshots were never touched.',
        hint: 'lifeboat demo starts it anew.',
      }),
    )
  }
  signals.on('SIGINT', onInterrupt)
  signals.on('SIGTERM', onInterrupt)
  try {
    return await work(controller.signal)
  } finally {
    signals.off('SIGINT', onInterrupt)
    signals.off('SIGTERM', onInterrupt)
  }
}
