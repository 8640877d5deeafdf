import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { uniqueName } from './docker.ts'
import { FrameHolder } from './lib/frame-holder.ts'
import { labPaths } from './lib/paths.ts'

/** Where a proxy leads to, or listens: a socket's path, or a port on this machine. */
export type Endpoint = string | { readonly port: number; readonly host?: string }

/** What goes wrong on the way from the server to the client. Byte counts start at the matching request. */
export interface Fault {
  /** Hits only connections on which such a request was sent; matched against "POST /v1.41/exec/…/start". */
  readonly when?: RegExp
  /** Hits only the first so many of them. */
  readonly times?: number
  /** Milliseconds that every chunk takes longer, in either direction. */
  readonly delayMs?: number
  /** Both sides see the connection break after so many bytes of the answer, heads included. */
  readonly cutAfterBytes?: number
  /** After so many bytes nothing comes any more, but the connection stays open: a cable pulled. */
  readonly stallAfterBytes?: number
  /**
   * The last frame of standard output of a hijacked stream (exec, attach) is lost although the stream ends
   * well, as some daemons lose it.
   */
  readonly dropLastStdoutFrame?: boolean
}

export interface FaultProxy {
  /** Where clients connect to. */
  readonly endpoint: Endpoint
  /** For `DOCKER_HOST`. */
  readonly dockerHost: string
  /** Sets or clears the fault, for requests that are sent from now on. */
  setFault(fault: Fault | undefined): void
  /** How many requests were hit by the faults so far. */
  hits(): number
  /** Breaks every connection there is now; new ones are accepted. */
  cutAll(): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a proxy in front of a server; it listens on a socket of its own, or on `listen`. */
export async function startProxy(target: Endpoint, listen?: Endpoint): Promise<FaultProxy> {
  const own = listen ?? (await ownSocket())
  const sockets = new Set<Socket>()
  const state: ProxyState = { fault: undefined, hits: 0 }
  const server = createServer({ allowHalfOpen: true }, client => {
    const upstream = createConnection({ ...options(target), allowHalfOpen: true })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    connect(client, upstream, state)
  })
  server.listen(options(own))
  await once(server, 'listening')
  const address = server.address()
  const endpoint = typeof address === 'object' && address !== null ? { port: address.port } : own
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const close = async (): Promise<void> => {
    cutAll()
    await new Promise(resolve => server.close(resolve))
    if (typeof own === 'string') await rm(own, { force: true })
  }
  return {
    endpoint,
    dockerHost:
      typeof endpoint === 'string' ? `unix://${endpoint}` : `tcp://127.0.0.1:${endpoint.port}`,
    setFault: fault => {
      state.fault = fault
    },
    hits: () => state.hits,
    cutAll,
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface ProxyState {
  fault: Fault | undefined
  hits: number
}

/** One connection's fault from the request that it matched on. */
interface Hit {
  readonly fault: Fault
  readonly frames: FrameHolder | undefined
  bytes: number
}

function connect(client: Socket, upstream: Socket, state: ProxyState): void {
  let hit: Hit | undefined
  const matches = (chunk: Buffer): boolean => {
    const { fault } = state
    if (fault === undefined || state.hits >= (fault.times ?? Infinity)) return false
    const head = /^([A-Z]+ \S+) HTTP\/1\.[01]\r\n/.exec(chunk.toString('latin1', 0, 4096))?.[1]
    return fault.when === undefined
      ? hit === undefined
      : head !== undefined && fault.when.test(head)
  }
  const fromClient = async (chunk: Buffer): Promise<Buffer> => {
    if (matches(chunk) && state.fault !== undefined) {
      state.hits += 1
      const frames = state.fault.dropLastStdoutFrame === true ? new FrameHolder() : undefined
      hit = { fault: state.fault, frames, bytes: 0 }
    }
    if (hit?.fault.delayMs !== undefined) await sleep(hit.fault.delayMs)
    return chunk
  }
  const fromServer = async (chunk: Buffer): Promise<Buffer | 'cut' | 'stall'> => {
    if (hit === undefined) return chunk
    const { fault } = hit
    if (fault.delayMs !== undefined) await sleep(fault.delayMs)
    const before = hit.bytes
    hit.bytes += chunk.length
    for (const [limit, end] of [
      [fault.cutAfterBytes, 'cut'],
      [fault.stallAfterBytes, 'stall'],
    ] as const) {
      if (limit === undefined || hit.bytes < limit) continue
      const rest = chunk.subarray(0, Math.max(0, limit - before))
      if (rest.length > 0 && !client.destroyed) await write(client, rest)
      return end
    }
    return hit.frames === undefined ? chunk : hit.frames.push(chunk)
  }
  void pump(client, upstream, fromClient)
  void pump(upstream, client, fromServer)
}

async function pump(
  source: Socket,
  sink: Socket,
  change: (chunk: Buffer) => Promise<Buffer | 'cut' | 'stall'>,
): Promise<void> {
  try {
    for await (const chunk of source) {
      const changed = await change(chunk as Buffer)
      if (changed === 'cut') {
        source.destroy()
        sink.destroy()
        return
      }
      // Held open and silent; the sockets close when the test is done with the proxy.
      if (changed === 'stall') {
        source.pause()
        await once(source, 'close')
        return
      }
      if (changed.length > 0) await write(sink, changed)
    }
    sink.end()
  } catch {
    // A broken connection on one side is a broken connection on the other.
    source.destroy()
    sink.destroy()
  }
}

async function write(socket: Socket, chunk: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.write(chunk, error => {
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}

function options(endpoint: Endpoint): { path: string } | { port: number; host: string } {
  if (typeof endpoint === 'string') return { path: endpoint }
  return { port: endpoint.port, host: endpoint.host ?? '127.0.0.1' }
}

async function ownSocket(): Promise<string> {
  await mkdir(labPaths().run, { recursive: true })
  return join(labPaths().run, `${uniqueName('proxy')}.sock`)
}
