import { mkdtemp, rm } from 'node:fs/promises'
import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { TlsOptions } from 'node:tls'
import { createServer as createTlsServer } from 'node:tls'

/** A bad line between us and a Docker engine. */
export interface EngineProxy {
  /** Unix socket that leads through the proxy; null for TCP. */
  readonly socket: string
  readonly port: number
  /** Connections made so far. */
  readonly connections: () => number
  /** Cuts every connection now, without a word. */
  cut(): void
  /** Lets nothing through any more, in either direction, and closes nothing: a pulled cable. */
  freeze(): void
  /** Ends each connection cleanly after this many bytes from the engine. */
  endAfter(bytes: number): void
  close(): Promise<void>
}

/** Starts a proxy in front of an engine's socket. With `tls` it listens on TCP with TLS. */
export async function startEngineProxy(
  engineSocket: string,
  options: { readonly tcp?: boolean; readonly tls?: TlsOptions } = {},
): Promise<EngineProxy> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-proxy-'))
  const socket = path.join(folder, 'docker.sock')
  const open = new Set<Socket>()
  let count = 0
  let frozen = false
  let limit = Number.POSITIVE_INFINITY

  const serve = (client: Socket): void => {
    count++
    const engine = connect({ path: engineSocket, allowHalfOpen: true })
    let passed = 0
    const forward = (from: Socket, to: Socket, counts: boolean): void => {
      open.add(from)
      from.on('data', (chunk: Buffer) => {
        if (frozen) return
        const room = counts ? limit - passed : chunk.length
        if (counts) passed += chunk.length
        if (room < chunk.length) {
          to.end(chunk.subarray(0, Math.max(0, room)))
          from.destroy()
          return
        }
        if (!to.write(chunk)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      })
      from.on('end', () => {
        if (!frozen) to.end()
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        if (!frozen && from.destroyed && from.errored !== null) to.destroy()
      })
    }
    forward(client, engine, false)
    forward(engine, client, true)
  }
  const server: Server =
    options.tls === undefined
      ? createServer({ allowHalfOpen: true }, serve)
      : createTlsServer({ ...options.tls, allowHalfOpen: true }, serve)
  server.on('connection', (raw: Socket) => {
    open.add(raw)
    raw.on('close', () => open.delete(raw))
  })
  await new Promise<void>(resolve => {
    if (options.tcp === true || options.tls !== undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(socket, resolve)
  })
  const address = server.address()
  return {
    socket,
    port: address !== null && typeof address === 'object' ? address.port : 0,
    connections: () => count,
    cut: () => {
      for (const each of open) each.destroy()
    },
    freeze: () => {
      frozen = true
    },
    endAfter: bytes => {
      limit = bytes
    },
    close: async () => {
      for (const each of open) each.destroy()
      await new Promise(resolve => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
