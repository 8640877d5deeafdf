import { describe, expect, it } from 'vitest'

import { parseProbe, scoreOf } from '../../../src-main/engine/hosts/helper-tools.ts'
import { socketCandidates } from '../../../src-main/engine/hosts/sockets.ts'
import { fingerprintOf, parseHostKeys } from '../../../src-main/engine/hosts/ssh/host-keys.ts'
import {
  bridgeCommands,
  noEngine,
  parseRemote,
} from '../../../src-main/engine/hosts/ssh/remote-probe.ts'
import type { SshContext } from '../../../src-main/engine/hosts/ssh/ssh-args.ts'
import {
  forwardOnlyArgs,
  keyProbeArgs,
  lastHop,
  masterArgs,
  parseSshConfig,
  sessionArgs,
} from '../../../src-main/engine/hosts/ssh/ssh-args.ts'
import { sshError } from '../../../src-main/engine/hosts/ssh/ssh-errors.ts'
import { parseLines } from '../../../src-main/engine/hosts/ssh-aliases.ts'

const config = parseSshConfig(
  [
    'host nas',
    'user root',
    'hostname nas.local',
    'port 2222',
    'proxyjump me@jump.example:22',
    'userknownhostsfile ~/.ssh/known_hosts ~/.ssh/known_hosts2',
  ].join('\n'),
)
const context: SshContext = {
  destination: { alias: 'nas', user: 'root', port: 2222 },
  configFile: null,
  ownKnownHosts: "/home/me/it's 100% mine/known_hosts",
  config,
  jump: {
    ...lastHop(config.proxyJump)!,
    config: parseSshConfig('userknownhostsfile ~/.ssh/of_the_jump'),
  },
}

describe('hosts/ssh: arguments', () => {
  const all = {
    master: masterArgs(context, '/tmp/f/m', ['sh', '-s']),
    session: sessionArgs(context, '/tmp/f/m', ['x']),
    forwardOnly: forwardOnlyArgs(context, '/tmp/f/d', '/var/run/docker.sock'),
  }

  it.each(Object.entries(all))(
    '%s: asks nothing, checks keys, keeps the line alive',
    (_name, args) => {
      for (const option of [
        'BatchMode=yes',
        'StrictHostKeyChecking=yes',
        'ServerAliveInterval=15',
        'ServerAliveCountMax=3',
        'ForwardAgent=no',
        'UpdateHostKeys=no',
      ]) {
        expect(args).toContain(option)
      }
    },
  )

  it.each(Object.entries(all))('%s: names the destination after a double dash', (_name, args) => {
    const at = args.indexOf('--')
    expect(args[at + 1]).toBe('nas')
    expect(args.slice(at - 4, at)).toEqual(['-p', '2222', '-l', 'root'])
  })

  it('looks host keys up in our own file first, then in the user’s', () => {
    expect(all.master).toContain(
      'UserKnownHostsFile="/home/me/it\'s 100%% mine/known_hosts" ~/.ssh/known_hosts ~/.ssh/known_hosts2',
    )
  })

  it('puts the jump host under the same rules', () => {
    const proxy = all.master.find(arg => arg.startsWith('ProxyCommand='))
    expect(proxy).toContain("'StrictHostKeyChecking=yes'")
    expect(proxy).toContain("'BatchMode=yes'")
    expect(proxy).toContain("'-W' '[%h]:%p' '-p' '22' '-l' 'me' '--' 'jump.example'")
    expect(proxy).toContain('~/.ssh/of_the_jump')
    expect(proxy).toContain("it'\\''s 100%%%% mine")
    expect(all.master.some(arg => arg.startsWith('ProxyJump='))).toBe(false)
  })

  it('finds the last of several jump hosts', () => {
    expect(lastHop(null)).toBeNull()
    expect(lastHop('a,b@[fd00::1]:2222')).toEqual({
      destination: { alias: 'fd00::1', user: 'b', port: 2222 },
      before: 'a',
    })
  })

  it('never logs in when it only asks for a key', () => {
    const args = keyProbeArgs(context, '/tmp/f/known_hosts')
    expect(args).toContain('PubkeyAuthentication=no')
    expect(args).toContain('PasswordAuthentication=no')
    expect(args).toContain('KbdInteractiveAuthentication=no')
    expect(args).not.toContain('StrictHostKeyChecking=no')
  })
})

describe('hosts/ssh: errors by layer (S5)', () => {
  it.each([
    [
      'ssh: Could not resolve hostname nas: Name or service not known',
      'host-unreachable',
      'name-lookup',
    ],
    ['ssh: connect to host 10.0.0.1 port 22: Connection refused', 'host-unreachable', 'port'],
    ['ssh: connect to host 10.0.0.1 port 22: Connection timed out', 'host-unreachable', 'network'],
    ['ssh: connect to host 10.0.0.1 port 22: No route to host', 'host-unreachable', 'network'],
    ['Timeout, server nas not responding.', 'host-unreachable', 'network'],
    ['kex_exchange_identification: Connection closed by remote host', 'host-unreachable', 'port'],
    [
      'No ED25519 host key is known for [10.0.0.1]:22 and you have requested strict checking.\nHost key verification failed.',
      'host-key-unknown',
      'host-key',
    ],
    [
      '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.',
      'host-key-changed',
      'host-key',
    ],
    ['root@nas: Permission denied (publickey,password).', 'login-failed', 'login'],
    [
      'Received disconnect from 10.0.0.1: Too many authentication failures',
      'login-failed',
      'login',
    ],
    ['sign_and_send_pubkey: signing failed: agent refused operation', 'login-failed', 'login'],
    [
      '/home/me/.ssh/config: line 3: Bad configuration option: nonsense',
      'host-unreachable',
      'login',
    ],
    ['', 'host-unreachable', 'session'],
  ])('%j', (stderr, code, layer) => {
    const error = sshError('nas', stderr, config)
    expect(error).toMatchObject({ code, layer })
    expect(error.hint).not.toBe('')
    expect(error.exitCode).toBe(13)
  })

  it('offers no way past a changed key, only how to look at it', () => {
    const stderr =
      'WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\n  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "nas.local"\n'
    const { hint } = sshError('nas', stderr, config)
    expect(hint).toContain('ssh-keygen -f "/home/me/.ssh/known_hosts" -R "nas.local"')
    expect(hint).not.toMatch(/hosts trust|--accept|--yes/)
  })

  it('points at the jump host when that one’s key is missing', () => {
    const stderr =
      'No ED25519 host key is known for jump.example and you have requested strict checking.\nHost key verification failed.\nConnection closed by UNKNOWN port 65535'
    expect(sshError('nas', stderr, config).hint).toContain('ssh://me@jump.example:22')
  })
})

describe('hosts/ssh: host keys', () => {
  // A pair made by ssh-keygen for this test, with what `ssh-keygen -lf` printed for it.
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAICLYsln30ubh6J6X8aRFD+XAmZdWzQJ/o8O4bN3nwb9Z'

  it('makes fingerprints as ssh prints them', () => {
    expect(fingerprintOf(key)).toBe('SHA256:8QFJhyXuKxGiW/PlvmrFQAaYscwVoJlMpbb2A1AWXIM')
  })

  it('reads plain and hashed names, and no markers', () => {
    const text = `# comment\n@revoked * ssh-ed25519 ${key}\n[10.0.0.1]:22 ssh-ed25519 ${key} a comment\n|1|aa=|bb= ssh-rsa AAAA\n`
    expect(parseHostKeys(text).map(each => `${each.names} ${each.type}`)).toEqual([
      '[10.0.0.1]:22 ssh-ed25519',
      '|1|aa=|bb= ssh-rsa',
    ])
  })
})

describe('hosts/ssh: the far side', () => {
  const text =
    'Welcome!\nlifeboat user me\nlifeboat denied /var/run/docker.sock\nlifeboat usable /run/user/1000/docker.sock\nlifeboat usable /run/user/1000/docker.sock\nlifeboat tool /usr/bin/docker\nlifeboat tool alias python3=evil\n'

  it('waits for everything and believes only what it asked for', () => {
    expect(parseRemote(text)).toBeNull()
    expect(parseRemote(`${text}lifeboat end\n`)).toEqual({
      user: 'me',
      usable: ['/run/user/1000/docker.sock'],
      denied: ['/var/run/docker.sock'],
      tools: ['/usr/bin/docker'],
    })
  })

  it('tells no rights, no engine running, and no Docker apart', () => {
    const base = { user: 'me', usable: [], denied: [], tools: [] }
    expect(noEngine('nas', { ...base, denied: ['/var/run/docker.sock'] })).toMatchObject({
      code: 'docker-permission',
      layer: 'docker-permission',
    })
    expect(noEngine('nas', { ...base, tools: ['/usr/bin/docker'] })).toMatchObject({
      layer: 'socket-missing',
    })
    expect(noEngine('nas', base)).toMatchObject({ layer: 'docker-missing' })
  })

  it('carries the socket by docker, else by python3 or socat; never through a path that a shell could read', () => {
    const state = {
      user: 'me',
      usable: [],
      denied: [],
      tools: ['/usr/bin/socat', '/usr/bin/docker'],
    }
    expect(bridgeCommands(state, '/run/docker.sock').map(command => command[0])).toEqual([
      '/usr/bin/docker',
      '/usr/bin/socat',
    ])
    expect(bridgeCommands(state, '/run/$(reboot).sock')).toEqual([])
  })
})

describe('hosts/ssh: the config file', () => {
  it('reads keywords in any case, with = and quotes', () => {
    expect(parseLines('Host a "b c"\nHOST=d # no\n  include "x y" z\n')).toEqual([
      { keyword: 'host', values: ['a', 'b c'] },
      { keyword: 'host', values: ['d'] },
      { keyword: 'include', values: ['x y', 'z'] },
    ])
  })
})

describe('hosts: sockets and tools', () => {
  it('knows the pipes of Windows', () => {
    const [first] = socketCandidates('win32', {}, 'C:\\Users\\me')
    expect(first).toMatchObject({
      address: 'npipe:////./pipe/docker_engine',
      path: '\\\\.\\pipe\\docker_engine',
    })
  })

  it('knows rootless, Desktop, Colima, OrbStack and Podman', () => {
    const labels = new Set(
      socketCandidates('linux', { XDG_RUNTIME_DIR: '/run/user/1000' }, '/home/me').map(
        socket => socket.label,
      ),
    )
    for (const label of [
      'Docker',
      'Docker, rootless',
      'Docker Desktop',
      'Colima',
      'OrbStack',
      'Podman',
    ]) {
      expect(labels).toContain(label)
    }
  })

  it('prefers GNU tar with zstd, and takes nothing without a shell', () => {
    const gnu = parseProbe('tar=gnu\nfind=gnu\nzstd=yes\nsha256=openssl\nsocket=perl\nshell=yes\n')
    const busybox = parseProbe('tar=busybox\nfind=busybox\nsha256=sha256sum\nshell=yes\n')
    expect(gnu).toMatchObject({ tar: 'gnu', zstd: true, socketClient: 'perl' })
    expect(scoreOf(gnu)).toBeGreaterThan(scoreOf(busybox))
    expect(scoreOf({ ...gnu, shell: false })).toBe(0)
    expect(scoreOf({ ...busybox, tar: null })).toBe(0)
  })
})
