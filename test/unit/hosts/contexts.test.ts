import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { Settings } from '../../../src-main/contract/reports.ts'
import { chooseDefault } from '../../../src-main/engine/hosts/contexts.ts'
import { listHosts, openHost, testHost } from '../../../src-main/engine/hosts/index.ts'
import type { HostDeps } from '../../../src-main/engine/hosts/resolve.ts'
import { resolveHost } from '../../../src-main/engine/hosts/resolve.ts'

let home: string

beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-home-'))
})
afterEach(async () => {
  await rm(home, { recursive: true, force: true })
})

function depsWith(
  env: Readonly<Record<string, string>> = {},
  hosts: Settings['hosts'] = [],
): HostDeps {
  const settings: Settings = {
    schemaVersion: 1,
    repository: '/r',
    knownRepositories: {},
    hosts,
    policies: {},
  }
  return {
    env,
    homeDirectory: home,
    stateFolder: path.join(home, 'state'),
    cacheFolder: path.join(home, 'cache'),
    settings: {
      read: () => Promise.resolve(settings),
      update: () => Promise.reject(new Error('nothing may be written')),
      warnings: () => [],
    },
  }
}

async function addContext(name: string, host: string, skipTls = false): Promise<string> {
  const id = createHash('sha256').update(name).digest('hex')
  const folder = path.join(home, '.docker', 'contexts', 'meta', id)
  await mkdir(folder, { recursive: true })
  await writeFile(
    path.join(folder, 'meta.json'),
    JSON.stringify({
      Name: name,
      Metadata: { Description: 'a test' },
      Endpoints: { docker: { Host: host, SkipTLSVerify: skipTls } },
    }),
  )
  return path.join(home, '.docker', 'contexts', 'tls', id, 'docker')
}

async function setCurrent(name: string): Promise<void> {
  await mkdir(path.join(home, '.docker'), { recursive: true })
  await writeFile(
    path.join(home, '.docker', 'config.json'),
    JSON.stringify({ currentContext: name }),
  )
}

describe('hosts/contexts: the default host (D1, D3)', () => {
  it('takes DOCKER_HOST before all else', async () => {
    await addContext('prod', 'tcp://10.0.0.9:2376')
    await setCurrent('prod')
    const host = await resolveHost(
      'local',
      depsWith({ DOCKER_HOST: 'unix:///run/mine.sock', DOCKER_CONTEXT: 'prod' }),
    )
    expect(host).toMatchObject({
      source: 'DOCKER_HOST',
      address: { kind: 'socket', path: '/run/mine.sock' },
      isDefault: true,
      id: 'local',
    })
    expect(host.reason).toContain('DOCKER_HOST')
  })

  it('takes DOCKER_CONTEXT before the config file', async () => {
    await addContext('prod', 'tcp://10.0.0.9:2376')
    await addContext('nas', 'ssh://me@nas')
    await setCurrent('prod')
    const host = await resolveHost('local', depsWith({ DOCKER_CONTEXT: 'nas' }))
    expect(host).toMatchObject({ source: 'DOCKER_CONTEXT', address: { kind: 'ssh', alias: 'nas' } })
  })

  it('takes the current context of the config file', async () => {
    await addContext('prod', 'tcp://10.0.0.9:2376')
    await setCurrent('prod')
    const host = await resolveHost('local', depsWith())
    expect(host).toMatchObject({
      source: 'config.json',
      address: { kind: 'tcp', host: '10.0.0.9' },
    })
  })

  it('takes the platform’s place when nothing names another, or the context is called default', async () => {
    await setCurrent('default')
    const host = await resolveHost('local', depsWith({ DOCKER_CONTEXT: '' }))
    expect(['default', 'socket']).toContain(host.source)
    expect(host.address.kind).toBe('socket')
    const named = await resolveHost('local', depsWith({ DOCKER_CONTEXT: 'default' }))
    expect(named.address).toEqual(host.address)
  })

  it('lets an explicit id win over all of them', async () => {
    await addContext('nas', 'ssh://me@nas')
    const host = await resolveHost(
      'context:nas',
      depsWith({ DOCKER_HOST: 'unix:///run/mine.sock', DOCKER_CONTEXT: 'other' }),
    )
    expect(host).toMatchObject({ source: 'context', isDefault: false, address: { alias: 'nas' } })
  })

  it('reads a bare address in DOCKER_HOST as the docker client does', async () => {
    const host = await resolveHost('local', depsWith({ DOCKER_HOST: '127.0.0.1:2375' }))
    expect(host.address).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 2375 })
  })

  it('looks into DOCKER_CONFIG', async () => {
    await addContext('nas', 'ssh://nas')
    const other = depsWith({ DOCKER_CONFIG: path.join(home, 'elsewhere') })
    await expect(resolveHost('context:nas', other)).rejects.toMatchObject({ code: 'unknown-host' })
    const own = depsWith({ DOCKER_CONFIG: path.join(home, '.docker') })
    await expect(resolveHost('context:nas', own)).resolves.toMatchObject({ label: 'nas' })
  })

  it('names the context that is missing', async () => {
    await expect(resolveHost('local', depsWith({ DOCKER_CONTEXT: 'gone' }))).rejects.toMatchObject({
      code: 'unknown-host',
      message: 'There is no Docker context called "gone".',
    })
  })

  it('is pure about who wins', () => {
    expect(chooseDefault({ DOCKER_CONTEXT: 'default' }, 'prod')).toMatchObject({
      source: 'DOCKER_CONTEXT',
      value: null,
    })
    expect(chooseDefault({}, null)).toMatchObject({ source: 'default', value: null })
  })
})

describe('hosts/contexts: TCP', () => {
  it('refuses plain TCP to another computer', async () => {
    const summary = await testHost('tcp://192.0.2.1:2375', depsWith())
    expect(summary).toMatchObject({ state: 'unreachable', problem: { layer: 'login' } })
    expect(summary.problem?.hint).toContain('ssh://')
  })

  it('has the certificates of a context', async () => {
    const folder = await addContext('prod', 'tcp://192.0.2.1:2376', true)
    const host = await resolveHost('context:prod', depsWith())
    expect(host).toMatchObject({ tlsFolder: folder, skipTlsVerify: true })
  })
})

describe('hosts: finding them (D5, U2)', () => {
  it('lists the default, saved hosts, contexts and aliases with source and reason', async () => {
    await addContext('nas', 'ssh://me@nas')
    await addContext('prod', 'tcp://10.0.0.9:2376')
    await addContext('broken', 'ssh://-oProxyCommand=x')
    await mkdir(path.join(home, '.ssh', 'conf.d'), { recursive: true })
    await writeFile(
      path.join(home, '.ssh', 'config'),
      'Include conf.d/*\nHost pi "pi4" # at home\n  HostName 10.0.0.3\nHost *\n  User me\nHost !no no-*\n',
    )
    await writeFile(path.join(home, '.ssh', 'conf.d', 'more'), 'host=backup\n  port 2222\n')
    const deps = depsWith({ DOCKER_HOST: 'unix:///run/mine.sock' }, [
      { name: 'server', address: 'ssh://server.example', daemonId: 'A' },
      { name: 'lost', address: 'context:gone', daemonId: null },
    ])
    const hosts = await listHosts(deps)
    const rows = hosts.map(({ id, source, state }) => `${id} ${source} ${state}`)
    expect(rows.filter(row => !row.startsWith('unix:') && !row.startsWith('npipe:'))).toEqual([
      'local DOCKER_HOST untested',
      'server saved untested',
      'lost saved unreachable',
      'context:broken context unreachable',
      'context:nas context untested',
      'context:prod context untested',
      'ssh://backup ssh-config untested',
      'ssh://pi ssh-config untested',
      'ssh://pi4 ssh-config untested',
    ])
    expect(hosts.filter(host => host.isDefault).map(host => host.id)).toEqual(['local'])
    expect(hosts.every(host => host.reason !== '')).toBe(true)
    expect(hosts.find(host => host.id === 'lost')?.problem?.hint).toContain('docker context ls')
  })

  it('gives one line of advice for a missing socket', async () => {
    const summary = await testHost('unix:///no/such/docker.sock', depsWith())
    expect(summary).toMatchObject({ state: 'unreachable', problem: { layer: 'socket-missing' } })
    expect(summary.problem?.hint.split('\n')).toHaveLength(1)
  })

  it('says so when a name is an ssh alias and not a saved host', async () => {
    await mkdir(path.join(home, '.ssh'))
    await writeFile(path.join(home, '.ssh', 'config'), 'Host pi\n')
    await expect(openHost('pi', depsWith())).rejects.toMatchObject({
      code: 'unknown-host',
      hint: expect.stringContaining('ssh://pi') as string,
    })
    await expect(openHost('nobody', depsWith())).rejects.toMatchObject({ code: 'unknown-host' })
  })
})

describe('hosts: folders', () => {
  it('opens a folder', async () => {
    const host = await openHost(`folder:${home}`, depsWith())
    expect(host).toMatchObject({ kind: 'folder', path: home, summary: { state: 'ready' } })
  })

  it('refuses what is missing or a file', async () => {
    await writeFile(path.join(home, 'file'), '')
    for (const name of ['missing', 'file']) {
      await expect(openHost(`folder:${path.join(home, name)}`, depsWith())).rejects.toMatchObject({
        code: 'host-unreachable',
        layer: 'folder-missing',
      })
    }
  })
})
