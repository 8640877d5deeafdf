import type { ApiClient } from './api-client.ts'
import type { ConnectionOutput } from './output.ts'

const LOOK_EVERY_MS = 5_000
const QUIET_MS = 15_000
const ANSWER_MS = 15_000

/**
 * Finds a line that is dead without anybody having said so: when no byte came for 15 s, the engine is
 * asked whether it is there; no answer within 15 s more means that the line is gone. A quiet command on
 * a living line may stay quiet for ever.
 */
export function watchForStall(api: ApiClient, output: ConnectionOutput): void {
  let quietSince = 0
  let asking = false
  const timer = setInterval(() => {
    quietSince = Math.max(quietSince, output.lastByteAt())
    if (asking || Date.now() - quietSince < QUIET_MS) return
    asking = true
    api
      .ping(ANSWER_MS)
      .then(
        () => {
          quietSince = Date.now()
        },
        (error: unknown) => output.fail(error),
      )
      .finally(() => {
        asking = false
      })
  }, LOOK_EVERY_MS)
  output.stdout.once('close', () => clearInterval(timer))
}
