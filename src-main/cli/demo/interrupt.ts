import { AppError } from '../../contract/errors.ts'
import type { Signals } from '../session.ts'

/**
 * Runs work that can be interrupted between jobs too, until its cleaning up is done. Ctrl-C aborts the signal
 * and tells what follows; a second one leaves at once. Jobs listen to Ctrl-C by themselves, too.
 */
export async function interruptible<T>(
  {
    signals,
    say,
    leaves,
  }: {
    readonly signals: Signals
    say(text: string): void
    /** What stays behind when the user does not wait. */
    readonly leaves: string
  },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const onInterrupt = (): void => {
    if (controller.signal.aborted) {
      say(`Left at once. ${leaves}`)
      signals.exit(130)
    }
    say(`Stopping the demo: its sample is removed. Ctrl-C once more leaves at once. ${leaves}`)
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
