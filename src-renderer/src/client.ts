import type { Answer } from '../../src-main/contract/answer.ts'
import type { Client } from '../../src-main/contract/contract.ts'
import { fromWire } from '../../src-main/contract/errors.ts'

/** How the page asks the engine: put there by the preload, or made by http-bridge.ts. */
export interface Bridge {
  request(name: string, args: unknown): Promise<Answer>
  onEvent(listener: (name: string, payload: unknown) => void): () => void
}

declare global {
  interface Window {
    /** There in the app's own window alone. */
    readonly bridge?: Bridge
  }
}

/** The typed client over the bridge. Types hold by the contract: both sides are built from the same one. */
export function bridgeClient(bridge: Bridge): Client {
  return {
    call: async (name, args) => {
      const answer = await bridge.request(name, args)
      if (!answer.ok) throw fromWire(answer.error)
      return answer.value as never
    },
    on: (name, listener) =>
      bridge.onEvent((heard, payload) => {
        if (heard === name) listener(payload as never)
      }),
  }
}
