import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Client } from '../contract/contract.ts'
import { AppError, NOTHING_CHANGED } from '../contract/errors.ts'
import { sendEvents } from './events.ts'
import { type Guard, makeGuard } from './guard.ts'
import type { Page } from './pages.ts'
import { answerRequest } from './requests.ts'

/** The app in a browser, on this computer alone. */
export interface AppServer {
  /** Opens the app in one browser, once. */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

const usedLink = `This link has been used, or it is not of this server.

Nothing was changed. Each start of "lifeboat serve" prints a link that opens one browser, once:
stop it (Ctrl-C), start it again, and open the new link.
`

/**
 * Serves the pages and the contract on 127.0.0.1. Port 0 takes any free one. Rejects with `usage` when the
 * port is taken.
 */
export async function startServer(
  client: Client,
  pages: ReadonlyMap<string, Page>,
  port: number,
): Promise<AppServer> {
  const server = createServer()
  await listen(server, port)
  const actual = (server.address() as AddressInfo).port
  const guard = makeGuard(actual)
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.on('error', () => undefined)
    void handle({ client, pages, guard }, request, response)
  })
  return {
    url: `http://127.0.0.1:${actual}/?token=${guard.token}`,
    port: actual,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Served {
  readonly client: Client
  readonly pages: ReadonlyMap<string, Page>
  readonly guard: Guard
}

interface Reply {
  readonly status: number
  readonly body: string | Buffer
  readonly type?: string
  readonly cookie?: string
}

async function handle(
  served: Served,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reply = await replyTo(served, request)
  if (reply === 'events') {
    sendEvents(served.client, response)
    return
  }
  // What was not read of a body that is too large must not be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close')
  if (reply.cookie !== undefined) response.setHeader('set-cookie', reply.cookie)
  response.writeHead(reply.status, { 'content-type': reply.type ?? 'text/plain; charset=utf-8' })
  response.end(reply.body)
}

async function replyTo(served: Served, request: IncomingMessage): Promise<Reply | 'events'> {
  const { client, pages, guard } = served
  if (!guard.isForUs(request)) return { status: 403, body: 'Our own page did not ask this.\n' }
  const { method } = request
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')

  const token = method === 'GET' && pathname === '/' ? searchParams.get('token') : null
  const cookie = token === null ? null : guard.letIn(token)
  if (cookie === null && !guard.knows(request)) return { status: 403, body: usedLink }

  if (method === 'POST' && pathname === '/request') {
    const body = JSON.stringify(await answerRequest(client, request))
    return { status: 200, body, type: 'application/json; charset=utf-8' }
  }
  if (method !== 'GET') return { status: 405, body: 'This is not how it is asked for.\n' }
  if (pathname === '/events') return 'events'
  const page = pages.get(pathname)
  if (page === undefined) return { status: 404, body: 'There is no such page.\n' }
  return { status: 200, body: page.bytes, type: page.type, ...(cookie !== null && { cookie }) }
}

async function listen(server: Server, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
    })
  } catch (error) {
    throw new AppError(
      'usage',
      {
        message: `The server cannot listen on port ${port}.`,
        state: NOTHING_CHANGED,
        hint: 'Pass another --port, or none: then any free one is taken.',
        details: error instanceof Error ? error.message : String(error),
      },
      error,
    )
  }
}
