import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LinkOptions {
  /** Milliseconds that a byte and its answer take longer together. */
  readonly roundTripMs?: number
  /** Megabits a second, for each direction of each connection; unlimited when left out. */
  readonly megabits?: number
}

/** A line between this machine and a server: slow, narrow, and breakable. */
export interface Link {
  /** Where clients connect to, on this machine. */
  readonly port: number
  /** Bytes that crossed the line so far, from the server and to it. */
  bytes(): { readonly received: number; readonly sent: number }
  /** Breaks every connection there is now. */
  cut(): void
  /** Nothing passes any more, in either direction, and nothing is closed: a cable pulled. */
  freeze(): void
  /** What was frozen passes again. */
  thaw(): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface LinkState extends LinkOptions {
  received: number
  sent: number
  /** Set while the line is frozen; resolves when it thaws. */
  frozen: { readonly until: Promise<void>; readonly thaw: () => void } | undefined
}

// What a real line's buffers would take before a sender has to wait.
const bufferBytes = 256 * 1024

/** Starts a line to a server on this machine or in one of the lab's networks. */
export async function startLink(
  target: { readonly host: string; readonly port: number },
  options: LinkOptions = {},
): Promise<Link> {
  const sockets = new Set<Socket>()
  const state: LinkState = { ...options, received: 0, sent: 0, frozen: undefined }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    const upstream = createConnection({ ...target, allowHalfOpen: true, noDelay: true })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    void carry(client, upstream, state, 'sent')
    void carry(upstream, client, state, 'received')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the line has no port')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const thaw = (): void => {
    state.frozen?.thaw()
    state.frozen = undefined
  }
  const close = async (): Promise<void> => {
    cut()
    thaw()
    await new Promise(resolve => server.close(resolve))
  }
  return {
    port: address.port,
    bytes: () => ({ received: state.received, sent: state.sent }),
    cut,
    freeze: () => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      state.frozen ??= { until: promise, thaw: () => resolve(undefined) }
    },
    thaw,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** One direction of one connection: chunks leave in order, each at the moment the line would deliver it. */
async function carry(
  source: Socket,
  sink: Socket,
  state: LinkState,
  direction: 'sent' | 'received',
): Promise<void> {
  const bytesPerMs = (state.megabits ?? Infinity) * 125
  const latency = (state.roundTripMs ?? 0) / 2
  // What a sender may have under way: the line's buffers, and what fits on the line itself.
  const limit = bufferBytes + latency * 2 * Math.min(bytesPerMs, 125_000)
  let lineFree = 0
  let waiting = 0
  let deliveries: Promise<void> = Promise.resolve()
  const underWay: Promise<void>[] = []
  const deliver = async (chunk: Buffer, due: number): Promise<void> => {
    const wait = due - performance.now()
    if (wait > 0.5) await sleep(wait)
    await state.frozen?.until
    await new Promise<void>((resolve, reject) => {
      sink.write(chunk, error => {
        if (error === null || error === undefined) resolve()
        else reject(error)
      })
    })
    waiting -= chunk.length
    if (waiting === 0) underWay.length = 0
    state[direction] += chunk.length
  }
  try {
    for await (const part of source) {
      const chunk = part as Buffer
      lineFree = Math.max(performance.now(), lineFree) + chunk.length / bytesPerMs
      waiting += chunk.length
      const due = lineFree + latency
      deliveries = deliveries.then(async () => {
        await deliver(chunk, due)
      })
      deliveries.catch(() => source.destroy())
      underWay.push(deliveries)
      while (waiting > limit) await underWay.shift()
    }
    await deliveries
    sink.end()
  } catch {
    // A broken connection on one side is a broken connection on the other.
    source.destroy()
    sink.destroy()
  }
}
