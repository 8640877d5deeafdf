import { setTimeout as delay } from 'node:timers/promises'

import { AppError } from '../../../contract/errors.ts'
import type { DriverContext } from '../database.ts'
import { findLogin, withConnection } from './login.ts'
import { plain } from './raw-bson.ts'

/**
 * Waits until the server answers for good, and its replica set can be written to. On the first start with
 * an empty folder the image runs a server of its own for the set-up, which listens on 127.0.0.1 alone and
 * is stopped again: that one does not count.
 */
export async function readyMongodb(context: DriverContext, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    context.signal.throwIfAborted()
    let last: unknown
    try {
      last = await whyNot(context)
      if (last === null) return
    } catch (error) {
      if (error instanceof AppError && error.code === 'tool-missing') throw error
      last = error
    }
    if (performance.now() > deadline) {
      const details = last instanceof AppError ? last.details : String(last)
      throw new AppError(
        'health-failed',
        {
          message: `The MongoDB server in ${context.place.description} did not answer within ${Math.round(timeoutMs / 1000)} s.`,
          state: 'The container runs, its server is not ready.',
          hint: 'Look into the container’s log.',
          ...(details === undefined ? {} : { details }),
        },
        last,
      )
    }
    await delay(500, undefined, { signal: context.signal })
  }
}

/** Null when the server is ready. */
async function whyNot(context: DriverContext): Promise<string | null> {
  // Anew each time: the set-up's server takes other logins than the one that stays.
  const login = await findLogin({ ...context })
  return withConnection(login, async connection => {
    const hello = plain(await connection.run('admin', { hello: 1 }))
    if (hello['isreplicaset'] === true) return 'its replica set was never initiated'
    if (hello['isWritablePrimary'] !== true && hello['secondary'] !== true) {
      return 'its replica set has no primary yet'
    }
    const answer = await connection.run('admin', { getCmdLineOpts: 1 }).catch(() => null)
    const options = (answer === null ? {} : plain(answer)) as {
      readonly parsed?: { readonly net?: { readonly bindIp?: string } }
    }
    const alone = options.parsed?.net?.bindIp === '127.0.0.1'
    const meant = context.container.command.some(word => /bind_ip|^(-f|--config)/.test(word))
    return alone && !meant ? 'it is still being set up' : null
  })
}
