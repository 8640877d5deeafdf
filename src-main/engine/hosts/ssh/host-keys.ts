import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import { runText } from '../../lib/run.ts'
import { thisComputer } from '../../lib/run-local.ts'
import { privateFolder } from './private-folder.ts'
import type { SshConfig, SshDestination } from './ssh-args.ts'
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

/**
 * The key that a host shows, learned by ssh itself, so through the same config, jump hosts and proxies,
 * and without logging in.
 */
export async function fetchHostKey(
  destination: SshDestination,
  config: SshConfig,
  ownFile: string,
): Promise<HostKey> {
  const folder = await privateFolder()
  try {
    const file = path.join(folder, 'known_hosts')
    const { stderr } = await runSsh(keyProbeArgs(destination, config, ownFile, file))
    const [key] = parseHostKeys(await readFile(file, 'utf8').catch(() => ''))
    if (key === undefined) throw sshError(destination.alias, stderr, config)
    return key
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Whether a key is known: `same`, `none`, or `different` when another key of the same type is known under
 * the name, or the key is revoked. Hashed names and patterns are compared by ssh-keygen.
 */
export async function compareKnown(
  key: HostKey,
  files: readonly string[],
): Promise<'same' | 'none' | 'different'> {
  let known: 'same' | 'none' = 'none'
  for (const file of files) {
    const { stdout } = await runText(
      thisComputer,
      ['ssh-keygen', '-F', key.names.split(',')[0] ?? '', '-f', file],
      // 1: not found, or no such file.
      { acceptExitCodes: [0, 1, 255] },
    )
    for (const line of stdout.split('\n')) {
      if (line.startsWith('@revoked') && line.includes(key.key)) return 'different'
      const [entry] = parseHostKeys(line)
      if (entry === undefined || entry.type !== key.type) continue
      if (entry.key !== key.key) return 'different'
      known = 'same'
    }
  }
  return known
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

/** The user has to look at the fingerprint first. */
export function keyUnknown(alias: string, id: string, key: HostKey): AppError {
  return new AppError('host-key-unknown', {
    message: `The host key of ${alias} is not known yet: ${key.type} ${key.fingerprint}`,
    state: NOTHING_CHANGED,
    hint:
      'Compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` (or the file of that type) prints on the host, ' +
      `then: lifeboat hosts trust ${id} --fingerprint ${key.fingerprint}`,
    details: `${key.names} ${key.type} ${key.key}`,
  })
}

/** No way past this one. */
export function keyChanged(alias: string, key: HostKey): AppError {
  return new AppError('host-key-changed', {
    message: `The host key of ${alias} is not the one that is known: it was installed anew, or somebody is in between.`,
    state: NOTHING_CHANGED,
    hint: `Find out why, on the host itself. Only when you know: remove the old key with \`ssh-keygen -R '${key.names}'\`, and trust the new one.`,
    details: `it shows ${key.type} ${key.fingerprint}`,
  })
}
