import { setTimeout as delay } from 'node:timers/promises'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { DriverContext } from '../database.ts'
import { info } from './info.ts'
import type { Login } from './login.ts'

const POLL_MS = 200
/** A save of another's that takes longer than this hides a server in trouble. */
const LIMIT_MS = 1_800_000

async function waitForQuiet(
  context: DriverContext,
  login: Login,
): Promise<ReadonlyMap<string, string>> {
  const deadline = performance.now() + LIMIT_MS
  for (;;) {
    const state = await info(login, 'persistence')
    const busy = [
      'rdb_bgsave_in_progress',
      'aof_rewrite_in_progress',
      'loading',
      'async_loading',
    ].some(name => state.get(name) === '1')
    if (!busy) return state
    if (performance.now() > deadline) throw failed(context, 'A save that was running did not end.')
    await delay(POLL_MS, undefined, { signal: context.signal })
  }
}

/**
 * Has the server write its data to its file, and waits until it has: a save that runs already is waited
 * for, a new one must really have ended (its time moves on) and ended well. Gives back whether anything
 * was written to the server since the moment of the save.
 */
export async function save(
  context: DriverContext,
  login: Login,
): Promise<{ readonly quiet: boolean }> {
  let before = await waitForQuiet(context, login)
  // The server tells the time of its last save in whole seconds: two in one could not be told apart.
  while (Number(before.get('rdb_last_save_time')) >= Math.floor(Number(await serverTime(login)))) {
    await delay(POLL_MS, undefined, { signal: context.signal })
  }
  for (let tries = 0; ; tries += 1) {
    try {
      await login.ask('BGSAVE')
      break
    } catch (error) {
      const text = error instanceof AppError ? (error.details ?? '') : ''
      // Another one began in between.
      if (tries > 20 || !/in progress|scheduled|can't BGSAVE/i.test(text))
        throw failed(context, text)
      before = await waitForQuiet(context, login)
    }
  }
  const after = await waitForQuiet(context, login)
  if (after.get('rdb_last_bgsave_status') !== 'ok') {
    throw failed(context, 'The server says that its last save failed (rdb_last_bgsave_status).')
  }
  if (Number(after.get('rdb_last_save_time')) <= Number(before.get('rdb_last_save_time'))) {
    throw failed(context, 'The server answered, but its last save is no newer than before.')
  }
  return { quiet: after.get('rdb_changes_since_last_save') === '0' }
}

async function serverTime(login: Login): Promise<string> {
  return (await login.ask('TIME')).split('\n')[0] ?? '0'
}

function failed(context: DriverContext, details: string): AppError {
  return new AppError('dump-incomplete', {
    message: `The Redis server in ${context.place.description} could not save its data.`,
    state: NOTHING_CHANGED,
    hint: 'Look into its log: the disk may be full, or the memory too small for a copy of the process.',
    details,
  })
}
