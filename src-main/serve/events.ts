import type { ServerResponse } from 'node:http'

import { eventNames } from '../contract/answer.ts'
import type { Client } from '../contract/contract.ts'

/** A page that has not read this much is gone or asleep; it asks for the state of its jobs when it comes back. */
const LARGEST_BACKLOG = 4 * 1024 * 1024
const HEARTBEAT_MS = 15_000

/** Sends the engine's events to a page as server-sent events, until either side ends. */
export function sendEvents(client: Client, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': lifeboat\n\n')
  const send = (text: string): void => {
    if (response.writableLength > LARGEST_BACKLOG) response.destroy()
    else response.write(text)
  }
  const stops = eventNames.map(name =>
    client.on(name, payload => send(`data: ${JSON.stringify({ name, payload })}\n\n`)),
  )
  const heartbeat = setInterval(() => send(': here\n\n'), HEARTBEAT_MS)
  response.once('close', () => {
    clearInterval(heartbeat)
    for (const stop of stops) stop()
  })
}
