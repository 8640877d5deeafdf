import { z } from 'zod'

import type { ArgsOf, Client, Handlers, RequestName, ResultOf } from '../contract/contract.ts'
import { requests } from '../contract/contract.ts'
import { AppError, NOTHING_CHANGED } from '../contract/errors.ts'
import { makeHandlers } from './handlers/index.ts'
import { eventHub } from './jobs/events.ts'
import type { EngineDeps } from './ports.ts'

/** A running engine. `close` waits for running jobs to put everything right and ends all connections. */
export interface Engine extends Client {
  close(): Promise<void>
}

/** Checks a name that came from outside: own keys only, so that `__proto__` is no request. */
export function isRequest(name: unknown): name is RequestName {
  return typeof name === 'string' && Object.hasOwn(requests, name)
}

/** Starts the engine: the one thing that the command line, the app and the server construct. */
export function createEngine(deps: EngineDeps): Engine {
  const events = eventHub()
  const { handlers, close } = makeHandlers(deps, events.emit)
  return {
    on: events.on,
    call: (name, args) => dispatch(handlers, name, args),
    close,
  }
}

/** What stands in place of a name may be anything, also what cannot be made a text. */
function nameForPeople(name: unknown): string {
  return typeof name === 'string' ? JSON.stringify(name).slice(0, 100) : `of type ${typeof name}`
}

async function dispatch<N extends RequestName>(
  handlers: Handlers,
  name: N,
  args: ArgsOf<N>,
): Promise<ResultOf<N>> {
  if (!isRequest(name)) {
    throw new AppError('usage', {
      message: `The engine knows no request ${nameForPeople(name)}.`,
      state: NOTHING_CHANGED,
      hint: 'Use the same version of Lifeboat on both sides.',
    })
  }
  const parsed = requests[name].args.safeParse(args)
  if (!parsed.success) {
    throw new AppError('usage', {
      message: `The arguments of ${name} are not valid.`,
      state: NOTHING_CHANGED,
      hint: 'See the details for what is wrong.',
      details: z.prettifyError(parsed.error),
    })
  }
  const handler = handlers[name] as (args: unknown) => Promise<ResultOf<N>>
  return handler(parsed.data)
}
