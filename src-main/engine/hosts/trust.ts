import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { addressText } from './address.ts'
import type { HostDeps } from './resolve.ts'
import { resolveHost } from './resolve.ts'
import { addHostKey, fetchHostKey, fingerprintDiffers, keyUnknown } from './ssh/host-keys.ts'
import { sshContext } from './ssh/ssh-program.ts'

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
 * known hosts. Without consent rejects with `host-key-unknown` and the fingerprint; a key that contradicts
 * the named fingerprint or a known key is `host-key-changed`, whatever the options say.
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
  const context = await sshContext(address, deps)
  const key = await fetchHostKey(context)
  const { type, fingerprint } = key
  if (options.fingerprint !== undefined && options.fingerprint !== fingerprint) {
    throw fingerprintDiffers(address.alias, key)
  }
  if (key.unknown === null) return { type, fingerprint, file: null }
  if (options.fingerprint === undefined && options.accept !== true) {
    throw keyUnknown(address.alias, id, key)
  }
  await addHostKey(key.unknown, context.ownKnownHosts)
  return { type, fingerprint, file: context.ownKnownHosts }
}
