import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { addressText } from './address.ts'
import type { HostDeps } from './resolve.ts'
import { resolveHost } from './resolve.ts'
import { addHostKey, compareKnown, fetchHostKey, keyChanged, keyUnknown } from './ssh/host-keys.ts'
import { ownKnownHosts, sshConfigOf } from './ssh/ssh-program.ts'

export interface TrustOptions {
  /** The fingerprint that the user compared with the host's: `SHA256:…`. */
  readonly fingerprint?: string
  /** The user saw the fingerprint and agreed. */
  readonly accept?: boolean
}

/** A key that is now, or was already, trusted. */
export interface TrustedKey {
  readonly type: string
  readonly fingerprint: string
  /** The file that has it; null when it was known before. */
  readonly file: string | null
}

/**
 * Trusts the key that an SSH host shows, after the user's consent: one line in Lifeboat's own file of
 * known hosts. Without consent, or when the fingerprint differs, rejects with `host-key-unknown` and the
 * fingerprint; a key that contradicts a known one is `host-key-changed`, whatever the options say.
 */
export async function trustHost(
  id: string,
  deps: HostDeps,
  options: TrustOptions,
): Promise<TrustedKey> {
  const host = await resolveHost(id, deps)
  const { address } = host
  if (address.kind !== 'ssh') {
    throw new AppError('usage', {
      message: `${host.label} is not reached over SSH (${addressText(address)}), so it has no host key.`,
      state: NOTHING_CHANGED,
      hint: 'Only ssh:// hosts have a key to trust.',
    })
  }
  const config = await sshConfigOf(address)
  const ownFile = ownKnownHosts(deps)
  const key = await fetchHostKey(address, config, ownFile)
  const files = [
    ownFile,
    ...config.knownHostsFiles
      .split(' ')
      .filter(file => file !== '')
      .map(file => file.replace(/^~(?=\/)/, deps.homeDirectory)),
    path.join('/etc', 'ssh', 'ssh_known_hosts'),
  ]
  const known = await compareKnown(key, files)
  if (known === 'different') throw keyChanged(address.alias, key)
  const { type, fingerprint } = key
  if (options.fingerprint !== undefined && options.fingerprint !== fingerprint) {
    throw keyUnknown(address.alias, id, key)
  }
  if (known === 'same') return { type, fingerprint, file: null }
  if (options.fingerprint === undefined && options.accept !== true) {
    throw keyUnknown(address.alias, id, key)
  }
  await addHostKey(key, ownFile)
  return { type, fingerprint, file: ownFile }
}
