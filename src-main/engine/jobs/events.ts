import { EventEmitter } from 'node:events'

import type { Client, EventName, Events } from '../../contract/contract.ts'

/** The engine's events, typed: what it tells without being asked. */
export function eventHub(): {
  readonly on: Client['on']
  emit<N extends EventName>(name: N, payload: Events[N]): void
} {
  const emitter = new EventEmitter()
  emitter.setMaxListeners(0)
  return {
    on(name, listener) {
      emitter.on(name, listener)
      return () => {
        emitter.off(name, listener)
      }
    },
    emit(name, payload) {
      emitter.emit(name, payload)
    },
  }
}
