import { describe, expect, it } from 'vitest'

import { containerDefinition } from '../../../src-main/engine/hosts/docker/definitions.ts'
import { helperBody } from '../../../src-main/engine/hosts/docker/helper-containers.ts'
import { parseHead } from '../../../src-main/engine/hosts/docker/raw-connection.ts'
import { creationBody } from '../../../src-main/engine/hosts/docker/recreate.ts'

const inspected = {
  Id: '0123456789abcdef0123456789abcdef',
  Name: '/chat-db-1',
  Image: 'sha256:feed',
  State: {
    Status: 'running',
    ExitCode: 0,
    StartedAt: '2026-11-28T12:00:00.5Z',
    Health: { Status: 'healthy' },
  },
  Config: {
    Hostname: '0123456789ab',
    Image: 'postgres:17',
    User: '',
    Env: ['A=b=c', 'EMPTY=', 'BARE'],
    Cmd: ['postgres'],
    Entrypoint: null,
    Labels: { x: 'y' },
    StopTimeout: 210,
    Tty: false,
    ExposedPorts: { '5432/tcp': {}, '9/udp': {} },
  },
  HostConfig: {
    Binds: ['/srv/conf:/conf:ro'],
    NetworkMode: 'chat_default',
    RestartPolicy: { Name: 'unless-stopped' },
    ReadonlyRootfs: true,
    Tmpfs: { '/run': 'ro,size=1m' },
    PortBindings: { '5432/tcp': [{ HostIp: '', HostPort: '5433' }] },
  },
  Mounts: [
    {
      Type: 'volume',
      Name: 'chat_db',
      Source: '/var/lib/docker/volumes/chat_db/_data',
      Destination: '/data',
      Driver: 'local',
      RW: true,
    },
    { Type: 'bind', Source: '/srv/conf', Destination: '/conf', RW: false },
  ],
  NetworkSettings: {
    Ports: {
      '5432/tcp': [
        { HostIp: '::', HostPort: '5433' },
        { HostIp: '0.0.0.0', HostPort: '5433' },
      ],
      '9/udp': null,
    },
    Networks: {
      other: { Aliases: ['db', '0123456789ab'], IPAMConfig: null },
      chat_default: { Aliases: ['db', '0123456789ab'], IPAMConfig: { IPv4Address: '10.0.0.5' } },
    },
  },
}

describe('hosts/docker: definitions', () => {
  it('reads an inspect answer', () => {
    expect(containerDefinition(inspected)).toMatchObject({
      name: 'chat-db-1',
      image: 'postgres:17',
      imageId: 'sha256:feed',
      state: 'running',
      health: 'healthy',
      exitCode: null,
      env: { A: 'b=c', EMPTY: '', BARE: '' },
      entrypoint: [],
      mounts: [
        { type: 'volume', source: 'chat_db', target: '/data', readOnly: false, driver: 'local' },
        { type: 'bind', source: '/srv/conf', target: '/conf', readOnly: true, driver: null },
        { type: 'tmpfs', source: '', target: '/run', readOnly: true, driver: null },
      ],
      networks: ['other', 'chat_default'],
      ports: [
        { container: '5432/tcp', published: ['[::]:5433', '0.0.0.0:5433'] },
        { container: '9/udp', published: [] },
      ],
      restartPolicy: 'unless-stopped',
      stopGraceMs: 210_000,
      readOnlyRoot: true,
      startedAt: '2026-11-28T12:00:00.5Z',
    })
  })

  it('reads a container that never ran', () => {
    const created = {
      ...inspected,
      State: { Status: 'created', ExitCode: 0, StartedAt: '0001-01-01T00:00:00Z' },
      Config: { Image: 'x' },
      NetworkSettings: { Ports: {}, Networks: {} },
    }
    expect(containerDefinition(created)).toMatchObject({
      state: 'created',
      health: null,
      exitCode: null,
      startedAt: null,
      stopGraceMs: 10_000,
      ports: [{ container: '5432/tcp', published: ['5433'] }],
    })
  })

  it('tells the exit code of one that ended', () => {
    const exited = { ...inspected, State: { Status: 'exited', ExitCode: 137 } }
    expect(containerDefinition(exited)).toMatchObject({ state: 'exited', exitCode: 137 })
  })
})

describe('hosts/docker: recreation', () => {
  it('keeps volumes by their real names, also those that the image alone declared', () => {
    const { body } = creationBody(inspected)
    expect((body['HostConfig'] as { Mounts: unknown }).Mounts).toEqual([
      { Type: 'volume', Source: 'chat_db', Target: '/data', ReadOnly: false },
    ])
    expect((body['HostConfig'] as { Binds: unknown }).Binds).toEqual(['/srv/conf:/conf:ro'])
  })

  it('leaves out what belonged to the container that is gone', () => {
    const { body } = creationBody(inspected)
    expect(body).not.toHaveProperty('Hostname')
    expect(JSON.stringify(body)).not.toContain('0123456789ab')
  })

  it('joins its own network first and the others afterwards', () => {
    const { body, furtherNetworks } = creationBody(inspected)
    expect(body['NetworkingConfig']).toEqual({
      EndpointsConfig: {
        chat_default: {
          IPAMConfig: { IPv4Address: '10.0.0.5' },
          Links: null,
          Aliases: ['db'],
          DriverOpts: null,
        },
      },
    })
    expect(furtherNetworks.map(network => network.name)).toEqual(['other'])
  })

  it('keeps a host name that was chosen', () => {
    const chosen = { ...inspected, Config: { ...inspected.Config, Hostname: 'db' } }
    expect(creationBody(chosen).body['Hostname']).toBe('db')
  })

  it('joins no network when the container shares another’s', () => {
    const shared = { ...inspected, HostConfig: { ...inspected.HostConfig, NetworkMode: 'host' } }
    const { body, furtherNetworks } = creationBody(shared)
    expect(body).not.toHaveProperty('NetworkingConfig')
    expect(furtherNetworks).toEqual([])
  })
})

describe('hosts/docker: helpers', () => {
  const body = helperBody(
    {
      purpose: 'read',
      image: 'sha256:feed',
      argv: ['sh', '-c', 'x'],
      mounts: [{ type: 'volume', source: 'v', target: '/data', readOnly: true }],
      capabilities: ['DAC_READ_SEARCH'],
      labels: { 'io.lifeboat.helper': 'forged' },
    },
    ['/data', '/var/lib/mysql'],
    true,
  )
  const host = body['HostConfig'] as Record<string, unknown>

  it('gives as little power as possible', () => {
    expect(host).toMatchObject({
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      CapAdd: ['DAC_READ_SEARCH'],
      ReadonlyRootfs: true,
      LogConfig: { Type: 'none' },
      AutoRemove: true,
    })
    expect(host['SecurityOpt']).toContain('no-new-privileges')
    expect(body['Tty']).toBe(false)
  })

  it('makes no anonymous volume for what the image declares', () => {
    expect(host['Mounts']).toEqual([
      {
        Type: 'volume',
        Source: 'v',
        Target: '/data',
        ReadOnly: true,
        VolumeOptions: { NoCopy: true },
      },
      { Type: 'tmpfs', Target: '/var/lib/mysql', TmpfsOptions: { SizeBytes: 1048576 } },
    ])
  })

  it('never joins the Compose project that its image was built for', () => {
    expect(body['Labels']).toMatchObject({
      'com.docker.compose.project': '',
      'io.lifeboat.helper': 'read',
    })
  })
})

describe('hosts/docker: the head of a raw connection', () => {
  const ok = Buffer.from('HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst')

  it('waits for the whole head, whatever the cuts', () => {
    const head = ok.indexOf('first')
    for (let at = 0; at < head; at++) expect(parseHead(ok.subarray(0, at))).toBe('incomplete')
    expect(parseHead(ok)).toEqual({ status: 101, body: Buffer.from('first') })
  })

  it('waits for the body of a refusal', () => {
    const text = 'HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n{"a":"b"}'
    expect(parseHead(Buffer.from(text.slice(0, -1)))).toBe('incomplete')
    expect(parseHead(Buffer.from(text))).toEqual({ status: 404, body: Buffer.from('{"a":"b"}') })
  })

  it('reads a body in chunks', () => {
    const text =
      'HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"me\r\n5\r\n":1} \r\n0\r\n\r\n'
    const parsed = parseHead(Buffer.from(text))
    expect(parsed).not.toBe('incomplete')
    expect(JSON.parse((parsed as { body: Buffer }).body.toString())).toEqual({ me: 1 })
  })
})
