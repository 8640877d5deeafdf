import type { Client } from '../../src-main/contract/contract.ts'
import type { WireError } from '../../src-main/contract/errors.ts'
import { fromWire } from '../../src-main/contract/errors.ts'

/** What the preload (or the server of `lifeboat serve`) puts into the page. */
export interface Bridge {
  request(name: string, args: unknown): Promise<Answer>
  onEvent(listener: (name: string, payload: unknown) => void): () => void
}

type Answer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: WireError }

declare global {
  interface Window {
    readonly bridge: Bridge
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
