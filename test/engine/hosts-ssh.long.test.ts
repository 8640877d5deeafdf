import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { EngineId } from '../../lab/docker.ts'
import { docker } from '../../lab/docker.ts'
import { run } from '../../lab/lib/run.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { listHosts, openHost, testHost, trustHost } from '../../src-main/engine/hosts/index.ts'
import { openHelper } from '../../src-main/engine/hosts/open-helper.ts'
import { runText } from '../../src-main/engine/lib/run.ts'
import { hostDeps } from '../helpers/host-deps.ts'
import type { SshServer, SshServerOptions } from '../helpers/ssh-server.ts'
import { startSshServer } from '../helpers/ssh-server.ts'

const engine = docker(process.env['LIFEBOAT_TEST_ENGINE'] as EngineId)
const closers: (() => Promise<void>)[] = []

async function server(options: SshServerOptions & { readonly unknown?: boolean } = {}) {
  const started = await startSshServer(engine, options)
  closers.push(() => started.close())
  return started
}

async function open(ssh: SshServer, id = `ssh://${ssh.alias}`): Promise<DockerHost> {
  const host = await openHost(id, hostDeps(ssh.home))
  if (host.kind !== 'docker') throw new Error('a Docker host was expected')
  closers.push(() => host.close())
  return host
}

const problemOf = async (ssh: SshServer, id: string) =>
  (await testHost(id, hostDeps(ssh.home))).problem

/** Logins that the server has let in so far. */
async function logins(ssh: SshServer): Promise<number> {
  const { stderr, stdout } = await engine.try(['logs', ssh.container])
  return `${stdout.toString()}${stderr}`.split('\n').filter(line => line.includes('Accepted '))
    .length
}

let engineId: string

beforeAll(async () => {
  const local = await openHost(engine.engine.dockerHost, hostDeps(os.tmpdir()))
  engineId = local.summary.daemon?.id ?? ''
  await local.close()
})

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function works(host: DockerHost, home: string): Promise<void> {
  expect((await host.daemon()).id).toBe(engineId)
  const helper = await openHelper(host, [], 'read', { cacheFolder: path.join(home, 'cache') })
  closers.push(() => helper.close())
  const bytes = Buffer.alloc(3_000_000, 'x')
  const echoed = await runText(helper.place, ['sh', '-c', 'cat; echo warned >&2; exit 3'], {
    stdin: bytes,
    acceptExitCodes: [3],
  })
  expect([echoed.stdout.length, echoed.stderr]).toEqual([bytes.length, 'warned\n'])
  const endless = await helper.place.start(['sh', '-c', 'sleep 100004 | cat'])
  await endless.kill()
  expect((await endless.result).exitCode).not.toBe(0)
  // As many at once as a backup of a stack may want.
  const many = await Promise.all(
    Array.from({ length: 6 }, (_none, index) => runText(helper.place, ['echo', String(index)])),
  )
  expect(many.map(each => each.stdout.trim())).toEqual(['0', '1', '2', '3', '4', '5'])
  await helper.close()
}

describe('hosts/ssh: ways to the engine', () => {
  it('forwards the socket over one login', async () => {
    const ssh = await server()
    const before = await logins(ssh)
    const host = await open(ssh)
    await works(host, ssh.home)
    expect((await logins(ssh)) - before).toBe(1)
    expect(host.summary).toMatchObject({ endpoint: `ssh://${ssh.alias}`, label: ssh.alias })
  })

  it('keeps its socket where nobody else can open it, and takes it away again', async () => {
    const ssh = await server()
    const host = await open(ssh)
    const names = (await readdir(os.tmpdir())).filter(name =>
      name.startsWith(`lifeboat-ssh-${process.pid}-`),
    )
    expect(names).toHaveLength(1)
    const folder = path.join(os.tmpdir(), names[0]!)
    const { stdout } = await runLocal(['stat', '-c', '%a %F', folder, path.join(folder, 'd')])
    expect(stdout).toBe('700 directory\n600 socket\n')
    await host.close()
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it.each([
    ['docker, where forwarding is forbidden', []],
    ['python3, where there is no docker program either', ['docker']],
  ])('carries the socket by %s, without a login for each call', async (_what, without) => {
    const ssh = await server({ config: ['AllowStreamLocalForwarding no'], without })
    const before = await logins(ssh)
    await works(await open(ssh), ssh.home)
    // One connection takes ten sessions; what is more makes a second one.
    expect((await logins(ssh)) - before).toBeLessThanOrEqual(2)
  })

  it('says so when neither is possible', async () => {
    const ssh = await server({
      config: ['AllowStreamLocalForwarding no'],
      without: ['docker', 'python3', 'socat'],
    })
    expect(await problemOf(ssh, `ssh://${ssh.alias}`)).toMatchObject({
      layer: 'login',
      hint: expect.stringContaining('AllowStreamLocalForwarding') as string,
    })
  })

  it('forwards for an account that may do nothing else', async () => {
    const ssh = await server({ keyOptions: 'restrict,port-forwarding,command="/bin/false"' })
    await works(await open(ssh), ssh.home)
  })

  it('finds the socket of a rootless engine, and one that the address names', async () => {
    const ssh = await server({ socketPath: '/run/user/0/docker.sock' })
    await works(await open(ssh), ssh.home)
    const odd = await server({ socketPath: '/srv/odd+place/engine.sock' })
    expect(await problemOf(odd, `ssh://${odd.alias}`)).toMatchObject({ layer: 'socket-missing' })
    await works(await open(odd, `ssh://${odd.alias}/srv/odd+place/engine.sock`), odd.home)
  })

  it('goes through a jump host', async () => {
    const jump = await server({ socketPath: null, unknown: true })
    const ssh = await server()
    await ssh.configure([
      'Host lab-jump',
      '  HostName 127.0.0.1',
      `  Port ${jump.port}`,
      '  User root',
      `  IdentityFile ${path.join(jump.home, '.ssh', 'id')}`,
      `  UserKnownHostsFile ${path.join(jump.home, '.ssh', 'known_hosts')}`,
      'Host lab-behind',
      '  HostName 127.0.0.1',
      `  Port ${ssh.port}`,
      '  User root',
      `  IdentityFile ${path.join(ssh.home, '.ssh', 'id')}`,
      `  UserKnownHostsFile ${path.join(ssh.home, '.ssh', 'known_hosts')}`,
      '  ProxyJump lab-jump',
    ])
    const unknown = await problemOf(ssh, 'ssh://lab-behind')
    expect(unknown).toMatchObject({
      layer: 'host-key',
      hint: expect.stringContaining('ssh://lab-jump') as string,
    })
    const key = await trustHost('ssh://lab-jump', hostDeps(ssh.home), { accept: true })
    expect(key.fingerprint).toMatch(/^SHA256:/)
    const before = await logins(jump)
    await works(await open(ssh, 'ssh://lab-behind'), ssh.home)
    expect((await logins(jump)) - before).toBe(1)
  })

  it('uses the agent for a key with a passphrase, and says what is missing without it', async () => {
    const ssh = await server()
    const identity = path.join(ssh.home, '.ssh', 'id')
    await run(['ssh-keygen', '-q', '-p', '-P', '', '-N', 'a "pass" phrase', '-f', identity])
    expect(await problemOf(ssh, `ssh://${ssh.alias}`)).toMatchObject({
      layer: 'login',
      hint: expect.stringContaining('ssh-add') as string,
    })
    const folder = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-agent-'))
    const socket = path.join(folder, 's')
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
    closers.push(async () => {
      agent.kill()
      await rm(folder, { recursive: true, force: true })
    })
    await waitFor('the agent', async () => (await readdir(folder)).includes('s'))
    const askpass = path.join(folder, 'ask')
    await run([
      'sh',
      '-c',
      'printf \'#!/bin/sh\\necho "a \\\\"pass\\\\" phrase"\\n\' >"$1"; chmod 700 "$1"',
      '_',
      askpass,
    ])
    await run(['ssh-add', identity], {
      env: {
        ...process.env,
        SSH_AUTH_SOCK: socket,
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: 'force',
      },
    })
    const before = process.env['SSH_AUTH_SOCK']
    process.env['SSH_AUTH_SOCK'] = socket
    try {
      await works(await open(ssh), ssh.home)
    } finally {
      if (before === undefined) delete process.env['SSH_AUTH_SOCK']
      else process.env['SSH_AUTH_SOCK'] = before
    }
  })

  it('ignores forwards of the user’s config that cannot be made', async () => {
    const ssh = await server()
    await ssh.configure([
      `Host ${ssh.alias}`,
      `  LocalForward ${ssh.port} 127.0.0.1:1`,
      '  ExitOnForwardFailure yes',
      '  RemoteCommand echo nothing',
      '  RequestTTY force',
    ])
    await works(await open(ssh), ssh.home)
  })
})

async function runLocal(argv: readonly string[]): Promise<{ readonly stdout: string }> {
  return { stdout: await run(argv) }
}

describe('hosts/ssh: what fails, by layer (S5)', () => {
  let ssh: SshServer
  beforeAll(async () => {
    ssh = await startSshServer(engine)
  })
  afterAll(async () => {
    await ssh.close()
  })

  it.each([
    ['a name that nobody knows', () => 'ssh://no-such-host.invalid', 'name-lookup'],
    ['a port where nothing listens', () => `ssh://${ssh.alias}:1`, 'port'],
    ['a user without a key', () => `ssh://nobody@${ssh.alias}`, 'login'],
    ['a user without rights to the engine', () => `ssh://${ssh.weakAlias}`, 'docker-permission'],
  ])('%s', async (_what, id, layer) => {
    const summary = await testHost(id(), hostDeps(ssh.home))
    expect(summary).toMatchObject({ state: 'unreachable', problem: { layer } })
    expect(summary.problem?.hint.split('\n')).toHaveLength(1)
  })

  it('a server without Docker, and one whose engine is off', async () => {
    const off = await server({ socketPath: null })
    expect(await problemOf(off, `ssh://${off.alias}`)).toMatchObject({ layer: 'socket-missing' })
    const bare = await server({ socketPath: null, without: ['docker'] })
    expect(await problemOf(bare, `ssh://${bare.alias}`)).toMatchObject({ layer: 'docker-missing' })
  })

  it('lists the aliases of the config, and their state when asked', async () => {
    const hosts = await listHosts(
      hostDeps(ssh.home, { env: { DOCKER_HOST: engine.engine.dockerHost } }),
      {
        test: true,
      },
    )
    const rows = hosts
      .filter(host => host.source === 'ssh-config' || host.isDefault)
      .map(host => [host.id, host.source, host.state, host.problem?.layer ?? null])
    expect(rows).toEqual([
      ['local', 'DOCKER_HOST', 'ready', null],
      [`ssh://${ssh.alias}`, 'ssh-config', 'ready', null],
      [`ssh://${ssh.weakAlias}`, 'ssh-config', 'unreachable', 'docker-permission'],
    ])
  })
})

describe('hosts/ssh: host keys (U3)', () => {
  it('shows an unknown key as ssh does, and goes on only after consent', async () => {
    const ssh = await server({ unknown: true })
    const deps = hostDeps(ssh.home)
    const id = `ssh://${ssh.alias}`
    const printed = await engine.exec(ssh.container, ['ssh-keygen', '-lf', '/etc/ssh/key.pub'])
    const fingerprint = printed.split(' ')[1]!
    const before = await logins(ssh)
    for (const attempt of [() => openHost(id, deps), () => trustHost(id, deps, {})]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'host-key-unknown',
        exitCode: 13,
        message: expect.stringContaining(fingerprint) as string,
      })
    }
    await expect(
      trustHost(id, deps, { fingerprint: 'SHA256:AAAA', accept: true }),
    ).rejects.toMatchObject({ code: 'host-key-changed' })
    expect(await logins(ssh)).toBe(before)

    const known = path.join(ssh.home, '.ssh', 'known_hosts')
    const trusted = await trustHost(id, deps, { fingerprint })
    expect(trusted).toMatchObject({
      fingerprint,
      file: path.join(ssh.home, 'state', 'known_hosts'),
    })
    expect((await readFile(trusted.file!, 'utf8')).trim().split('\n')).toHaveLength(1)
    expect(await readFile(known, 'utf8')).toBe('')
    expect(await trustHost(id, deps, {})).toMatchObject({ fingerprint, file: null })
    await works(await open(ssh), ssh.home)
  })

  it('stops at a changed key, with no way past', async () => {
    const ssh = await server()
    const deps = hostDeps(ssh.home)
    const id = `ssh://${ssh.alias}`
    await ssh.changeHostKey()
    const before = await logins(ssh)
    for (const attempt of [() => openHost(id, deps), () => trustHost(id, deps, { accept: true })]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'host-key-changed', exitCode: 13 })
    }
    expect(await logins(ssh)).toBe(before)
    await expect(readFile(path.join(ssh.home, 'state', 'known_hosts'))).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })

  it('does not take a key of another type for a new host', async () => {
    const ssh = await server({ unknown: true })
    const rsa = path.join(ssh.home, 'other')
    await run(['ssh-keygen', '-q', '-t', 'rsa', '-N', '', '-f', rsa])
    const [type, key] = (await readFile(`${rsa}.pub`, 'utf8')).split(' ')
    const known = path.join(ssh.home, '.ssh', 'known_hosts')
    await run([
      'sh',
      '-c',
      'printf "%s\\n" "$1" >"$2"',
      '_',
      `[127.0.0.1]:${ssh.port} ${type} ${key}`,
      known,
    ])
    await run(['ssh-keygen', '-q', '-H', '-f', known])
    await expect(
      trustHost(`ssh://${ssh.alias}`, hostDeps(ssh.home), { accept: true }),
    ).rejects.toMatchObject({ code: 'host-key-changed' })
  })
})

describe('hosts/ssh: a bad line', () => {
  it('fails a command whose connection breaks, and leaves nothing behind', async () => {
    const ssh = await server()
    const host = await open(ssh)
    const helper = await openHelper(host, [], 'read', { cacheFolder: path.join(ssh.home, 'cache') })
    const command = await helper.place.start(['yes'])
    let bytes = 0
    command.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await waitFor('some output', () => bytes > 1_000_000)
    await engine.run(['kill', ssh.container])
    const outcome = await command.result.then(
      ({ exitCode }) => exitCode,
      (error: unknown) => (error as { code: unknown }).code,
    )
    expect([null, 'host-unreachable', 'stream-corrupt']).toContain(outcome)
    await expect(host.daemon()).rejects.toMatchObject({ code: 'host-unreachable' })
    await waitFor('the end of the helper', async () => {
      const { code } = await engine.try(['inspect', helper.containerId])
      return code !== 0
    })
  })

  it('ends its ssh when our process is killed', async () => {
    const ssh = await server()
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `
        const { openHost } = await import(process.env.ROOT + '/src-main/engine/hosts/index.ts')
        const { hostDeps } = await import(process.env.ROOT + '/test/helpers/host-deps.ts')
        const host = await openHost(process.env.ID, hostDeps(process.env.HOME_FOLDER))
        process.stdout.write('open')
        setInterval(() => {}, 1000)
        `,
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          ROOT: path.resolve(import.meta.dirname, '../..'),
          ID: `ssh://${ssh.alias}`,
          HOME_FOLDER: ssh.home,
        },
      },
    )
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await waitFor('the connection of the child', () => said === 'open')
    const running = async () => (await run(['ps', '-eo', 'args'])).includes(`-F ${ssh.home}`)
    expect(await running()).toBe(true)
    child.kill('SIGKILL')
    await waitFor('the end of ssh', async () => !(await running()))
  })
})
