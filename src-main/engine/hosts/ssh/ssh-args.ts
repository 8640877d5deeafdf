/** What `ssh -G` says about a destination, as far as it is used here. */
export interface SshConfig {
  readonly hostName: string
  readonly user: string
  readonly port: number
  /** Name under which the host's key is kept, when it is not the host name. */
  readonly hostKeyAlias: string | null
  /** `user@host:port`, several with commas; null when there is none. */
  readonly proxyJump: string | null
  /** The user's own files of known hosts, as ssh would read them on one line. */
  readonly knownHostsFiles: string
}

/** Pure. The lines of `ssh -G`. */
export function parseSshConfig(text: string): SshConfig {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ')
    if (at > 0 && !values.has(line.slice(0, at)))
      values.set(line.slice(0, at), line.slice(at + 1).trim())
  }
  const optional = (name: string): string | null => {
    const value = values.get(name)
    return value === undefined || value === '' || value === 'none' ? null : value
  }
  return {
    hostName: values.get('hostname') ?? '',
    user: values.get('user') ?? '',
    port: Number(values.get('port') ?? '22'),
    hostKeyAlias: optional('hostkeyalias'),
    proxyJump: optional('proxyjump'),
    knownHostsFiles: optional('userknownhostsfile') ?? '',
  }
}

/** Where a connection goes, as it stands on ssh's command line. */
export interface SshDestination {
  readonly alias: string
  readonly user: string | null
  readonly port: number | null
}

/** All that the arguments of one host's connections are made of. */
export interface SshContext {
  readonly destination: SshDestination
  /** Config file to read instead of the user's own; null for ssh's own rules. */
  readonly configFile: string | null
  /** Our own file of known hosts. */
  readonly ownKnownHosts: string
  readonly config: SshConfig
  /** The last host that the way leads through, with its own config; null without one. */
  readonly jump: SshJump | null
}

export interface SshJump {
  readonly destination: SshDestination
  readonly config: SshConfig
  /** Hosts before it, for ssh's own care; null when there are none. */
  readonly before: string | null
}

/** Pure. The last of the hosts that `ProxyJump` names, and those before it. */
export function lastHop(
  proxyJump: string | null,
): { readonly destination: SshDestination; readonly before: string | null } | null {
  const hops = (proxyJump ?? '').split(',')
  const match = /^(?:ssh:\/\/)?(?:([^@]+)@)?(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(hops.at(-1) ?? '')
  if (match === null) return null
  const [, user = null, host = '', port] = match
  return {
    destination: {
      alias: host.replace(/^\[|\]$/g, ''),
      user,
      port: port === undefined ? null : Number(port),
    },
    before: hops.length > 1 ? hops.slice(0, -1).join(',') : null,
  }
}

/** Pure. The config file, before all else. */
export function configArgs(configFile: string | null): readonly string[] {
  return configFile === null ? [] : ['-F', configFile]
}

/** Pure. The last arguments: destination after `--`, so that it can never be read as an option. */
export function destinationArgs(destination: SshDestination): readonly string[] {
  return [
    ...(destination.port === null ? [] : ['-p', String(destination.port)]),
    ...(destination.user === null ? [] : ['-l', destination.user]),
    '--',
    destination.alias,
  ]
}

function optionArgs(options: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

/** Pure. One value for UserKnownHostsFile: our own file first, then the user's. */
export function knownHostsValue(ownKnownHosts: string, config: SshConfig): string {
  return `"${ownKnownHosts.replaceAll('%', '%%')}" ${config.knownHostsFiles}`.trim()
}

/** Options of every connection of ours: nothing is asked, nothing is forwarded, every key is checked. */
function commonOptions(context: SshContext): Readonly<Record<string, string>> {
  return {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: knownHostsValue(context.ownKnownHosts, context.config),
    UpdateHostKeys: 'no',
    ConnectTimeout: '15',
    ServerAliveInterval: '15',
    ServerAliveCountMax: '3',
    ForwardAgent: 'no',
    ForwardX11: 'no',
    PermitLocalCommand: 'no',
    RemoteCommand: 'none',
    LogLevel: 'INFO',
    ...jumpOptions(context),
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/**
 * The last jump host under our own rules: ssh itself would ask about its key, and look it up in the
 * user's files only. Jumps before it are left to ssh.
 */
function jumpOptions(context: SshContext): Readonly<Record<string, string>> {
  const { jump } = context
  if (jump === null) return {}
  const argv = [
    'ssh',
    ...configArgs(context.configFile),
    ...optionArgs({
      BatchMode: 'yes',
      StrictHostKeyChecking: 'yes',
      UserKnownHostsFile: knownHostsValue(context.ownKnownHosts, jump.config),
      ConnectTimeout: '15',
    }),
    ...(jump.before === null ? [] : ['-J', jump.before]),
    '-W',
    '[%h]:%p',
    ...destinationArgs(jump.destination),
  ]
  const command = argv
    .map(part => (part === '[%h]:%p' ? part : part.replaceAll('%', '%%')))
    .map(quoted)
  // The first of the two that ssh reads wins, so the config's ProxyJump is out.
  return { ProxyCommand: command.join(' ') }
}

function sshArgs(
  context: SshContext,
  flags: readonly string[],
  options: Readonly<Record<string, string>>,
  remoteCommand: readonly string[],
): readonly string[] {
  return [
    ...configArgs(context.configFile),
    '-T',
    ...flags,
    ...optionArgs({ ...commonOptions(context), ...options }),
    ...destinationArgs(context.destination),
    ...remoteCommand,
  ]
}

/** Pure. The one connection per host: it runs `remoteCommand` and carries what is added to it later. */
export function masterArgs(
  context: SshContext,
  controlPath: string | null,
  remoteCommand: readonly string[],
): readonly string[] {
  const flags = controlPath === null ? ['-S', 'none'] : ['-M', '-S', controlPath]
  return sshArgs(
    context,
    flags,
    {
      ControlPersist: 'no',
      // Forwards of the user's config may be taken already; ours is added when the connection stands.
      ClearAllForwardings: 'yes',
      StreamLocalBindMask: '0177',
    },
    remoteCommand,
  )
}

/** Pure. A connection without any session, for accounts that may forward and nothing else. */
export function forwardOnlyArgs(
  context: SshContext,
  localSocket: string,
  remoteSocket: string,
): readonly string[] {
  return sshArgs(
    context,
    ['-N', '-S', 'none', '-L', `${localSocket}:${remoteSocket}`],
    { ExitOnForwardFailure: 'yes', StreamLocalBindMask: '0177' },
    [],
  )
}

/**
 * Pure. One more session on the connection that stands. Where the far side allows no more sessions, ssh
 * makes a connection of its own, under the same rules.
 */
export function sessionArgs(
  context: SshContext,
  controlPath: string | null,
  remoteCommand: readonly string[],
): readonly string[] {
  return sshArgs(
    context,
    ['-S', controlPath ?? 'none'],
    { ControlMaster: 'no', ClearAllForwardings: 'yes' },
    remoteCommand,
  )
}

/** Pure. A request to the connection that stands already: `forward`, `exit` … */
export function controlArgs(
  context: SshContext,
  controlPath: string,
  request: readonly string[],
): readonly string[] {
  return [
    ...configArgs(context.configFile),
    '-S',
    controlPath,
    '-O',
    ...request,
    ...destinationArgs(context.destination),
  ]
}

/**
 * Pure. Learns the host's key without logging in: the key exchange is done, every login method is off.
 * A key that none of the files knows is written to the temporary one.
 */
export function keyProbeArgs(context: SshContext, temporaryFile: string): readonly string[] {
  const known = knownHostsValue(context.ownKnownHosts, context.config)
  return sshArgs(
    context,
    ['-S', 'none'],
    {
      StrictHostKeyChecking: 'accept-new',
      UserKnownHostsFile: `"${temporaryFile.replaceAll('%', '%%')}" ${known}`,
      HashKnownHosts: 'no',
      PreferredAuthentications: 'none',
      PubkeyAuthentication: 'no',
      PasswordAuthentication: 'no',
      KbdInteractiveAuthentication: 'no',
      ClearAllForwardings: 'yes',
      LogLevel: 'DEBUG1',
    },
    ['true'],
  )
}
