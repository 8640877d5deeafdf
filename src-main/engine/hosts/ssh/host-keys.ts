import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { NOTHING_CHANGED } from '../../../contract/errors.ts'
import { runText } from '../../lib/run.ts'
import { thisComputer } from '../../lib/run-local.ts'
import { HostError } from '../host-error.ts'
import { privateFolder } from './private-folder.ts'
import type { SshContext } from './ssh-args.ts'
import { keyProbeArgs } from './ssh-args.ts'
import { sshError } from './ssh-errors.ts'
import { runSsh } from './ssh-program.ts'

/** A host's public key as it is kept in a file of known hosts. */
export interface HostKey {
  /** Names as ssh looks them up: `[nas.local]:2222`. */
  readonly names: string
  readonly type: string
  readonly key: string
  /** `SHA256:…` as `ssh-keygen -lf` prints it. */
  readonly fingerprint: string
}

/** Pure. The fingerprint of a base64 public key, as ssh prints it. */
export function fingerprintOf(key: string): string {
  const hash = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64')
  return `SHA256:${hash.replace(/=+$/, '')}`
}

/** Pure. Plain lines of a known_hosts file; markers and comments are left out. */
export function parseHostKeys(text: string): readonly HostKey[] {
  return text.split('\n').flatMap(line => {
    const match = /^([^#@\s]\S*) ([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line)
    if (match === null) return []
    const [, names = '', type = '', key = ''] = match
    return [{ names, type, key, fingerprint: fingerprintOf(key) }]
  })
}

/** The key that a host shows now. */
export interface ShownKey {
  readonly type: string
  readonly fingerprint: string
  /** The key itself when it is not known yet; null when one of the files has it already. */
  readonly unknown: HostKey | null
}

/**
 * The key that a host shows, learned by ssh itself, so through the same config, jump hosts and proxies,
 * and without logging in. A key that contradicts a known one rejects with `host-key-changed`.
 */
export async function fetchHostKey(context: SshContext): Promise<ShownKey> {
  const folder = await privateFolder()
  try {
    const file = path.join(folder, 'known_hosts')
    const { stderr } = await runSsh(keyProbeArgs(context, file))
    const shown = /Server host key: (\S+) (SHA256:\S+)/.exec(stderr)
    const [unknown] = parseHostKeys(await readFile(file, 'utf8').catch(() => ''))
    const [, type, fingerprint] = shown ?? []
    // With a jump host the output tells of several keys; the one that was written down is the right one.
    if (unknown !== undefined) {
      await refuseOther(unknown, context)
      return { type: unknown.type, fingerprint: unknown.fingerprint, unknown }
    }
    const error = sshError(context.destination.alias, stderr, context.config)
    const wasRefused = error.layer !== 'login' && error.layer !== 'session'
    if (wasRefused || type === undefined || fingerprint === undefined) throw error
    return { type, fingerprint, unknown: null }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * A key of another type than those that are known for the host is no new host: whoever is in between
 * would show just that.
 */
async function refuseOther(key: HostKey, context: SshContext): Promise<void> {
  const home = os.userInfo().homedir
  const files = context.config.knownHostsFiles.split(' ').filter(file => file !== '')
  for (const file of [context.ownKnownHosts, ...files]) {
    const { stdout } = await runText(
      thisComputer,
      ['ssh-keygen', '-F', key.names, '-f', file.replace(/^~(?=\/)/, home)],
      // 1: not found; 255: no such file.
      { acceptExitCodes: [0, 1, 255] },
    )
    if (parseHostKeys(stdout).some(known => known.key !== key.key)) {
      throw keyChanged(context.destination.alias, key)
    }
  }
}

/** Adds one line to our own file of known hosts. */
export async function addHostKey(key: HostKey, ownFile: string): Promise<void> {
  await mkdir(path.dirname(ownFile), { recursive: true, mode: 0o700 })
  const before = await readFile(ownFile, 'utf8').catch(() => '')
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  await appendFile(ownFile, `${gap}${key.names} ${key.type} ${key.key}\n`, {
    mode: 0o600,
    flush: true,
  })
}

/** The user has to look at the fingerprint first. `id` is what `--host` takes. */
export function keyUnknown(alias: string, id: string, key: ShownKey): HostError {
  return new HostError('host-key-unknown', 'host-key', {
    message: `The host key of ${alias} is not known yet: ${key.type} ${key.fingerprint}`,
    state: NOTHING_CHANGED,
    hint:
      'Compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` (or the file of that type) prints on the host, ' +
      `then: lifeboat hosts trust ${id} --fingerprint ${key.fingerprint}`,
  })
}

/** What the user expected is not what the host shows: no way past this one. */
export function fingerprintDiffers(alias: string, key: ShownKey): HostError {
  return new HostError('host-key-changed', 'host-key', {
    message: `${alias} does not show the key that you named; it shows ${key.type} ${key.fingerprint}.`,
    state: NOTHING_CHANGED,
    hint: 'Look at the fingerprint on the host itself. If it is not this one, somebody may be in between.',
  })
}

/** No way past this one. */
function keyChanged(alias: string, key: HostKey): HostError {
  return new HostError('host-key-changed', 'host-key', {
    message: `${alias} shows a host key of another type than the one that is known for it.`,
    state: NOTHING_CHANGED,
    hint: `Find out why, on the host itself. Only when you know: remove the old key with \`ssh-keygen -R '${key.names}'\`, and trust the new one.`,
    details: `it shows ${key.type} ${key.fingerprint}`,
  })
}
