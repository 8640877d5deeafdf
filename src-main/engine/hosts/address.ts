import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'

/** Where a host is, taken apart. */
export type Address =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'pipe'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'ssh'
      readonly user: string | null
      /** Alias or host name; only ssh may resolve it (rule D4). */
      readonly alias: string
      readonly port: number | null
      /** Socket on the far side, when the address names one. */
      readonly socketPath: string | null
    }
  | { readonly kind: 'folder'; readonly path: string }

function badAddress(text: string, why: string): AppError {
  return new AppError('usage', {
    message: `${JSON.stringify(text)} is not the address of a host: ${why}.`,
    state: NOTHING_CHANGED,
    hint: 'Use unix:///path, npipe:////./pipe/name, ssh://[user@]host[:port], tcp://host:port, context:NAME or folder:/path.',
  })
}

/** True for texts that begin like an address and are not a name. */
export function looksLikeAddress(text: string): boolean {
  return /^(unix|npipe|tcp|ssh|folder|https?):/.test(text)
}

/** Pure. Rejects with `usage` what no transport could mean, above all what a shell or ssh could take for an option. */
export function parseAddress(text: string, homeDirectory: string): Address {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) throw badAddress(text, 'it has control characters')
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/.exec(text) ?? []
  switch (scheme) {
    case 'unix':
      return { kind: 'socket', path: absolutePath(text, rest.replace(/^\/\//, '')) }
    case 'npipe':
      return { kind: 'pipe', path: pipePath(text, rest) }
    case 'tcp':
      return tcpAddress(text, rest)
    case 'ssh':
      return sshAddress(text, rest)
    case 'folder':
      if (rest === '') throw badAddress(text, 'the folder is missing')
      return { kind: 'folder', path: path.resolve(rest.replace(/^~(?=\/|$)/, homeDirectory)) }
    default:
      throw badAddress(text, 'it has no known scheme')
  }
}

function absolutePath(text: string, socket: string): string {
  if (!socket.startsWith('/')) throw badAddress(text, 'the path of the socket must begin with /')
  return socket
}

/** `npipe:////./pipe/docker_engine` and `//./pipe/…` and `\\.\pipe\…` all mean one pipe. */
function pipePath(text: string, rest: string): string {
  const name = /^[/\\]*\.[/\\]pipe[/\\]([^/\\]+)$/.exec(rest)?.[1]
  if (name === undefined) throw badAddress(text, 'a pipe is written npipe:////./pipe/NAME')
  return `\\\\.\\pipe\\${name}`
}

function tcpAddress(text: string, rest: string): Address {
  const match = /^\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/.exec(rest)
  if (match === null) throw badAddress(text, 'TCP is written tcp://host:port')
  const port = Number(match[2] ?? '2376')
  if (port < 1 || port > 65_535) throw badAddress(text, 'there is no such port')
  return { kind: 'tcp', host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port }
}

function sshAddress(text: string, rest: string): Address {
  const match =
    /^\/\/(?:([^@/]+)@)?(\[[0-9a-fA-F:.]+(?:%[A-Za-z0-9]+)?\]|[^@/:]+)(?::(\d{1,5}))?(\/.*)?$/.exec(
      rest,
    )
  if (match === null) throw badAddress(text, 'SSH is written ssh://[user@]host[:port]')
  const [, user, host = '', port, socketPath] = match
  const alias = host.replace(/^\[|\]$/g, '')
  for (const part of [alias, user]) {
    if (part?.startsWith('-') === true) throw badAddress(text, 'no part may begin with a dash')
    if (part !== undefined && !/^[A-Za-z0-9._%:+\\~\p{L}-]+$/u.test(part)) {
      throw badAddress(text, 'host and user may not hold spaces or signs of a shell')
    }
  }
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    throw badAddress(text, 'there is no such port')
  }
  const hasSocket = socketPath !== undefined && socketPath !== '/'
  if (hasSocket && !/^[A-Za-z0-9._/@+-]+$/.test(socketPath)) {
    throw badAddress(text, 'the path of the socket may hold letters, digits and . _ / @ + - only')
  }
  return {
    kind: 'ssh',
    user: user ?? null,
    alias,
    port: port === undefined ? null : Number(port),
    socketPath: hasSocket ? socketPath : null,
  }
}

/** The address in one spelling, as it is shown and compared. */
export function addressText(address: Address): string {
  switch (address.kind) {
    case 'socket':
      return `unix://${address.path}`
    case 'pipe':
      return `npipe:////./pipe/${address.path.slice('\\\\.\\pipe\\'.length)}`
    case 'tcp':
      return `tcp://${bracketed(address.host)}:${address.port}`
    case 'ssh': {
      const user = address.user === null ? '' : `${address.user}@`
      const port = address.port === null ? '' : `:${address.port}`
      return `ssh://${user}${bracketed(address.alias)}${port}${address.socketPath ?? ''}`
    }
    case 'folder':
      return `folder:${address.path}`
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** True for an address that never leaves this computer. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
