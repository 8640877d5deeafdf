import { NOTHING_CHANGED } from '../../contract/errors.ts'
import { addressText, isLoopback } from './address.ts'
import type { TlsMaterial, Transport } from './docker/transport.ts'
import { socketTransport, tcpTransport } from './docker/transport.ts'
import { HostError } from './host-error.ts'
import type { HostDeps, ResolvedHost } from './resolve.ts'
import { openSsh } from './ssh.ts'
import { readTlsFiles } from './tls-files.ts'

/** The way to a Docker host. Rejects with the layer that failed. */
export async function openTransport(host: ResolvedHost, deps: HostDeps): Promise<Transport> {
  const { address } = host
  const endpoint = addressText(address)
  switch (address.kind) {
    case 'socket':
    case 'pipe':
      return socketTransport(address.path, endpoint)
    case 'tcp': {
      const tls = await tlsFor(host, address.host)
      return tcpTransport(address.host, address.port, tls, endpoint)
    }
    case 'ssh':
      return openSsh(address, deps)
    case 'folder':
      throw new Error('a folder has no transport')
  }
}

const NO_FILES: TlsMaterial = { ca: undefined, cert: undefined, key: undefined, skipVerify: false }

async function tlsFor(host: ResolvedHost, name: string): Promise<TlsMaterial | null> {
  const files =
    host.tlsFolder === null ? null : await readTlsFiles(host.tlsFolder, host.skipTlsVerify)
  const isLocal = isLoopback(name)
  // Certificates in ~/.docker say nothing about a proxy on this computer, unless TLS is asked for.
  if (isLocal && !host.wantsTls && host.source !== 'context') return null
  if (files !== null) return files
  if (host.wantsTls) return NO_FILES
  if (isLocal) return null
  throw new HostError('host-unreachable', 'login', {
    message: `${addressText(host.address)} is plain TCP: anybody in the network could take over the host.`,
    state: NOTHING_CHANGED,
    hint: 'Use ssh://user@host instead, or TLS with certificates in a Docker context or DOCKER_CERT_PATH.',
  })
}
