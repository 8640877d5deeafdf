import type { OnReadOpts, Socket } from 'node:net'
import { connect as connectSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'

import type { AppError } from '../../../contract/errors.ts'

/** Certificates for `tcp://` with TLS, as PEM. */
export interface TlsMaterial {
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  /** True when the user's Docker context says that the engine's certificate is not to be checked. */
  readonly skipVerify: boolean
}

export type OnBytes = (bytes: Buffer) => boolean

/** A way to the API of one Docker engine. */
export interface Transport {
  /** The address for people: `unix:///var/run/docker.sock`. */
  readonly endpoint: string
  /** Connections for calls that may be open at once; streams come on top. */
  readonly maxConnections: number
  /**
   * Opens one more connection. It may still be connecting when it is returned. With `onBytes`, what
   * arrives goes there instead of into the stream, valid during the call only; when it returns false,
   * nothing comes until `resume()`.
   */
  connect(onBytes?: OnBytes): Duplex | Promise<Duplex>
  /** Turns an error of a connection into one that names the layer, when the transport knows more than the error says. */
  explain(error: unknown): AppError | null
  close(): Promise<void>
}

/** How long a connection may take to be made, milliseconds. */
export const CONNECT_TIMEOUT_MS = 15_000
const KEEP_ALIVE_MS = 15_000

/** Over a Unix socket or a Windows named pipe. */
export function socketTransport(path: string, endpoint: string): Transport {
  return {
    endpoint,
    maxConnections: 8,
    connect: onBytes => connectSocket({ path, ...largeReads(onBytes) }),
    explain: () => null,
    close: () => Promise.resolve(),
  }
}

/** Over TCP: with TLS when `tls` is given. Plain TCP is for the loopback address only; the caller checks. */
export function tcpTransport(
  host: string,
  port: number,
  tls: TlsMaterial | null,
  endpoint: string,
): Transport {
  return {
    endpoint,
    maxConnections: 8,
    connect: onBytes => {
      const socket =
        tls === null
          ? connectSocket({ host, port, ...largeReads(onBytes) })
          : connectTls({
              host,
              port,
              ca: tls.ca,
              cert: tls.cert,
              key: tls.key,
              rejectUnauthorized: !tls.skipVerify,
              ...largeReads(onBytes),
            })
      // Half-open lines (a pulled cable, a sleeping laptop) are found by probes of the kernel.
      socket.setKeepAlive(true, KEEP_ALIVE_MS)
      socket.setNoDelay(true)
      return limitConnectTime(socket, tls === null ? 'connect' : 'secureConnect')
    },
    explain: () => null,
    close: () => Promise.resolve(),
  }
}

/** As much as the kernel holds ready for one read. */
const READ_BYTES = 256 * 1024

/** Makes a socket read into one large buffer again and again. */
export function largeReads(onBytes: OnBytes | undefined): { readonly onread?: OnReadOpts } {
  if (onBytes === undefined) return {}
  return {
    onread: {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (length, buffer) => onBytes((buffer as Buffer).subarray(0, length)),
    },
  }
}

function limitConnectTime(socket: Socket, ready: 'connect' | 'secureConnect'): Socket {
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error('connecting took too long'), { code: 'ETIMEDOUT' }))
  }, CONNECT_TIMEOUT_MS)
  const clear = (): void => clearTimeout(timer)
  socket.once(ready, clear)
  socket.once('close', clear)
  return socket
}
