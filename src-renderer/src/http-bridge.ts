import type { Answer } from '../../src-main/contract/answer.ts'
import type { Bridge } from './client.ts'

const unreachable: Answer = {
  ok: false,
  error: {
    code: 'host-unreachable',
    message: 'Lifeboat does not answer any more.',
    state: 'Jobs that ran have put things right, or the next start does.',
    hint: 'Start "lifeboat serve" again and open the link that it prints.',
  },
}

/** The bridge of a page that `lifeboat serve` has sent: requests by POST, events from the server. */
export function httpBridge(): Bridge {
  // The link's token is worth nothing any more, and need not stay in the history.
  if (location.search !== '') history.replaceState(null, '', location.pathname)
  const listeners = new Set<(name: string, payload: unknown) => void>()
  const events = new EventSource('/events')
  events.onmessage = ({ data }) => {
    const { name, payload } = JSON.parse(String(data)) as { name: string; payload: unknown }
    for (const listener of listeners) listener(name, payload)
  }
  return {
    request: async (name, args) => {
      try {
        const answer = await fetch('/request', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name, args }),
        })
        return answer.ok ? ((await answer.json()) as Answer) : unreachable
      } catch {
        return unreachable
      }
    },
    onEvent: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
