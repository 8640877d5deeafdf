import { NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { HostLayer } from '../host-error.ts'
import { HostError } from '../host-error.ts'
import type { SshConfig } from './ssh-args.ts'

type Code = ConstructorParameters<typeof HostError>[0]

interface Rule {
  readonly pattern: RegExp
  readonly code: Code
  readonly layer: HostLayer
  readonly message: (alias: string, match: RegExpExecArray) => string
  readonly hint: (alias: string, match: RegExpExecArray, stderr: string) => string
}

/** What ssh prints when it fails, first match wins; each layer has its own way out (rule S5). */
const RULES: readonly Rule[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|marked as revoked/i,
    code: 'host-key-changed',
    layer: 'host-key',
    message: alias =>
      `The host key of ${alias} is not the one that is known: it was installed anew, or somebody is in between.`,
    hint: (_alias, _match, stderr) =>
      `Find out why, on the host itself. Only when you know: ${removal(stderr)}, and trust the new one.`,
  },
  {
    pattern: /No \S+ host key is known for (\S+) and you have requested strict checking/i,
    code: 'host-key-unknown',
    layer: 'host-key',
    message: (_alias, match) => `The host key of ${match[1] ?? 'the host'} is not known yet.`,
    hint: alias => `Look at its fingerprint and trust it: lifeboat hosts trust ssh://${alias}`,
  },
  {
    pattern: /Host key verification failed/i,
    code: 'host-key-unknown',
    layer: 'host-key',
    message: alias => `A host key on the way to ${alias} is not known yet.`,
    hint: alias => `Look at its fingerprint and trust it: lifeboat hosts trust ssh://${alias}`,
  },
  {
    pattern: /Could not resolve hostname (\S+?):/i,
    code: 'host-unreachable',
    layer: 'name-lookup',
    message: (_alias, match) => `The name ${match[1] ?? ''} is not known.`,
    hint: () => 'Check the HostName in your ssh config, and your network.',
  },
  {
    pattern: /Too many authentication failures/i,
    code: 'login-failed',
    layer: 'login',
    message: alias => `${alias} broke off the login: the agent offered too many keys.`,
    hint: alias =>
      `Name the right key for it in ~/.ssh/config: Host ${alias}, IdentityFile …, IdentitiesOnly yes.`,
  },
  {
    pattern: /Permission denied \(([^)]*)\)/i,
    code: 'login-failed',
    layer: 'login',
    message: (alias, match) =>
      `${alias} did not let you in (it takes ${match[1] ?? 'other methods'}).`,
    hint: alias =>
      `Try \`ssh ${alias}\` by hand. If your key has a passphrase, load it with ssh-add first; if it is new, copy it with ssh-copy-id.`,
  },
  {
    pattern:
      /agent refused operation|incorrect passphrase|Load key .*(?:denied|invalid|passphrase)/i,
    code: 'login-failed',
    layer: 'login',
    message: alias => `Your key for ${alias} could not be used: the agent or the key file refused.`,
    hint: () => 'Unlock the agent (ssh-add), or touch the security key when it blinks.',
  },
  {
    pattern: /Connection refused/i,
    code: 'host-unreachable',
    layer: 'port',
    message: alias => `${alias} is there, but nothing listens on its SSH port.`,
    hint: () => 'Check the port, and that the SSH server runs on the host.',
  },
  {
    pattern:
      /kex_exchange_identification|Connection (?:closed|reset) by|ssh_exchange_identification/i,
    code: 'host-unreachable',
    layer: 'port',
    message: alias => `${alias} closed the connection before the login.`,
    hint: () =>
      'It may allow only a few logins at a time (MaxStartups), or block your address: wait a minute and try again.',
  },
  {
    pattern: /timed out|No route to host|Network is unreachable|Host is down|not responding/i,
    code: 'host-unreachable',
    layer: 'network',
    message: alias => `${alias} cannot be reached.`,
    hint: () => 'Check that the host is on and that you are in its network or VPN.',
  },
  {
    pattern:
      /Bad (?:owner or permissions|configuration option)|terminating, \d+ bad configuration/i,
    code: 'host-unreachable',
    layer: 'login',
    message: () => 'Your ssh config has a mistake, so ssh refuses to work.',
    hint: alias => `Try \`ssh -G ${alias}\`; it names the line.`,
  },
]

/** Pure. Why an ssh connection failed or broke, from what ssh printed. */
export function sshError(alias: string, stderr: string, config: SshConfig | null): HostError {
  const details = stderr
    .split('\n')
    .filter(line => !line.startsWith('debug'))
    .join('\n')
    .trim()
    .slice(-4000)
  for (const rule of RULES) {
    const match = rule.pattern.exec(stderr)
    if (match === null) continue
    return new HostError(rule.code, rule.layer, {
      message: rule.message(alias, match),
      state: NOTHING_CHANGED,
      hint: rule.hint(trustTarget(rule, alias, match, config), match, stderr),
      details,
    })
  }
  return new HostError('host-unreachable', 'session', {
    message: `The SSH connection to ${alias} ended.`,
    state: NOTHING_CHANGED,
    hint: `Check the network, then run the command again. \`ssh ${alias}\` by hand may say more.`,
    ...(details === '' ? {} : { details }),
  })
}

/** ssh names the file and the line itself. */
function removal(stderr: string): string {
  const command = /^\s*(ssh-keygen -f .* -R .*)$/m.exec(stderr)?.[1]?.trim()
  return command === undefined ? 'remove the old key' : `remove the old key (${command})`
}

/** The key that is missing may be that of the jump host: then that is the one to look at. */
function trustTarget(
  rule: Rule,
  alias: string,
  match: RegExpExecArray,
  config: SshConfig | null,
): string {
  const named = match[1]
  if (rule.code !== 'host-key-unknown' || named === undefined || config === null) return alias
  const own = config.port === 22 ? config.hostName : `[${config.hostName}]:${config.port}`
  if (named === (config.hostKeyAlias ?? own) || config.proxyJump === null) return alias
  return config.proxyJump.split(',').at(-1) ?? alias
}
