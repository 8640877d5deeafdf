import { describe, expect, it } from 'vitest'

import { addressText, isLoopback, parseAddress } from '../../../src-main/engine/hosts/address.ts'

const parse = (text: string) => parseAddress(text, '/home/me')

describe('hosts/address', () => {
  it.each([
    ['unix:///var/run/docker.sock', { kind: 'socket', path: '/var/run/docker.sock' }],
    ['unix:/var/run/docker.sock', { kind: 'socket', path: '/var/run/docker.sock' }],
    ['npipe:////./pipe/docker_engine', { kind: 'pipe', path: '\\\\.\\pipe\\docker_engine' }],
    ['npipe:\\\\.\\pipe\\docker_engine', { kind: 'pipe', path: '\\\\.\\pipe\\docker_engine' }],
    ['tcp://127.0.0.1:2375', { kind: 'tcp', host: '127.0.0.1', port: 2375 }],
    ['tcp://nas.local', { kind: 'tcp', host: 'nas.local', port: 2376 }],
    ['tcp://[fd00::1]:2376', { kind: 'tcp', host: 'fd00::1', port: 2376 }],
    ['ssh://nas', { kind: 'ssh', user: null, alias: 'nas', port: null, socketPath: null }],
    [
      'ssh://me@nas.local:2222/run/user/1000/docker.sock',
      {
        kind: 'ssh',
        user: 'me',
        alias: 'nas.local',
        port: 2222,
        socketPath: '/run/user/1000/docker.sock',
      },
    ],
    [
      'ssh://[fe80::1%eth0]:22',
      { kind: 'ssh', user: null, alias: 'fe80::1%eth0', port: 22, socketPath: null },
    ],
    ['folder:/srv/stacks', { kind: 'folder', path: '/srv/stacks' }],
    ['folder:~/stacks', { kind: 'folder', path: '/home/me/stacks' }],
  ])('reads %s', (text, address) => {
    expect(parse(text)).toEqual(address)
  })

  it.each([
    'ssh://-oProxyCommand=touch%20x',
    'ssh://-oProxyCommand=x@nas',
    'ssh://me@-nas',
    'ssh://nas;reboot',
    'ssh://nas$(reboot)',
    'ssh://nas `reboot`',
    'ssh://nas\nother',
    'ssh://nas:0',
    'ssh://nas:99999',
    'ssh://',
    "ssh://nas/run/it's.sock",
    'ssh://nas/run/$(reboot)',
    'unix://relative.sock',
    'unix:///a\u0000b',
    'npipe://somewhere',
    'tcp://host:port',
    'tcp://host:70000',
    'tcp://user@host:1',
    'folder:',
    'ftp://host',
    'nas',
  ])('refuses %j', text => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  it.each([
    'unix:///var/run/docker.sock',
    'npipe:////./pipe/docker_engine',
    'tcp://[fd00::1]:2376',
    'ssh://me@nas:2222/run/docker.sock',
    'folder:/srv/stacks',
  ])('writes %s as it was', text => {
    expect(addressText(parse(text))).toBe(text)
  })

  it('knows the loopback addresses', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].every(isLoopback)).toBe(true)
    expect(['10.0.0.1', '127.example.org', '0.0.0.0', 'nas'].some(isLoopback)).toBe(false)
  })
})
