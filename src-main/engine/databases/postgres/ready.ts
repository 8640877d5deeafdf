import { setTimeout as delay } from 'node:timers/promises'

import { AppError } from '../../../contract/errors.ts'
import type { DriverContext } from '../database.ts'
import { findLogin } from './login.ts'
import { withSession } from './session.ts'

/**
 * Waits until the server answers for good. On the first start with an empty folder, the image runs a
 * server of its own for the set-up, which listens on the socket alone and is stopped again: that one
 * does not count.
 */
export async function readyPostgres(context: DriverContext, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    context.signal.throwIfAborted()
    let last: unknown = null
    try {
      if (await answers(context)) return
    } catch (error) {
      if (error instanceof AppError && error.code === 'tool-missing') throw error
      last = error
    }
    if (performance.now() > deadline) {
      throw new AppError(
        'health-failed',
        {
          message: `The Postgres server in ${context.place.description} did not answer within ${Math.round(timeoutMs / 1000)} s.`,
          state: 'The container runs, its server does not answer.',
          hint: 'Look into the container’s log.',
          ...(last instanceof AppError && last.details !== undefined
            ? { details: last.details }
            : {}),
        },
        last,
      )
    }
    await delay(500, undefined, { signal: context.signal })
  }
}

async function answers(context: DriverContext): Promise<boolean> {
  const login = await findLogin(context)
  return withSession(context, login, login.maintenance, async session => {
    const [state] = await session.rows<{
      readonly recovering: boolean
      readonly addresses: string
      readonly source: string
    }>(
      `select pg_is_in_recovery() as recovering, setting as addresses, source
         from pg_settings where name = 'listen_addresses'`,
    )
    if (state === undefined || state.recovering) return false
    const setUp = state.addresses === '' && state.source === 'command line'
    return !setUp || context.container.command.some(word => word.includes('listen_addresses'))
  })
}
