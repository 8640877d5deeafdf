import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { EngineId } from '../../lab/docker.ts'
import { docker, ownerLabel, ownerValue, uniqueName } from '../../lab/docker.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import { OWNER_LABEL } from '../../src-main/engine/hosts/docker/helper-containers.ts'
import { helperOwner } from '../../src-main/engine/hosts/helper-owner.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { assertSameDaemon, openHost } from '../../src-main/engine/hosts/index.ts'
import type { CommandPlace } from '../../src-main/engine/lib/command.ts'
import { runText } from '../../src-main/engine/lib/run.ts'
import { hostDeps } from '../helpers/host-deps.ts'

const engine = docker(process.env['LIFEBOAT_TEST_ENGINE'] as EngineId)
const label = ['--label', `${ownerLabel}=${ownerValue}`]

let home: string
let host: DockerHost
let container: string
let id: string
let place: CommandPlace

async function runContainer(name: string, argv: readonly string[]): Promise<string> {
  return (await engine.run(['run', '-d', '--name', name, ...label, ...argv])).trim()
}

async function processes(where: CommandPlace): Promise<string> {
  const script = 'for p in /proc/[0-9]*/cmdline; do tr "\\0" " " <$p; echo; done 2>/dev/null'
  return (await runText(where, ['sh', '-c', script])).stdout
}

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-'))
  const opened = await openHost(engine.engine.dockerHost, hostDeps(home))
  if (opened.kind !== 'docker') throw new Error('a Docker host was expected')
  host = opened
  container = uniqueName('exec')
  id = await runContainer(container, ['lab/base:1', 'sleep', 'infinity'])
  place = host.inContainer(id)
})

afterAll(async () => {
  await engine.try(['rm', '-f', '-v', container])
  await host.close()
  await rm(home, { recursive: true, force: true })
})

describe('hosts/docker: the engine', () => {
  it('says who it is', async () => {
    const info = await host.daemon()
    expect(info.id).not.toBe('')
    expect(info.version).toMatch(engine.engine.id === '20' ? /^20\.10\./ : /^26\.1\./)
    expect(Math.abs(Date.parse(info.time) - Date.now())).toBeLessThan(600_000)
    expect(host.summary).toMatchObject({ state: 'ready', daemon: { id: info.id } })
  })

  it('refuses another engine than the pinned one', async () => {
    const { id: daemonId } = await host.daemon()
    await expect(assertSameDaemon(host, daemonId)).resolves.toBeUndefined()
    await expect(assertSameDaemon(host, 'ANOTHER')).rejects.toMatchObject({ code: 'wrong-host' })
    const address = engine.engine.dockerHost
    const pinned = (daemon: string) =>
      hostDeps(home, { hosts: [{ name: 'nas', address, daemonId: daemon }] })
    await expect(openHost('nas', pinned('ANOTHER'))).rejects.toMatchObject({ code: 'wrong-host' })
    await (await openHost('nas', pinned(daemonId))).close()
  })

  it('is not led elsewhere by the environment', async () => {
    process.env['DOCKER_HOST'] = 'tcp://192.0.2.1:2375'
    process.env['DOCKER_TLS_VERIFY'] = '1'
    const same = await openHost(engine.engine.dockerHost, hostDeps(home))
    delete process.env['DOCKER_HOST']
    delete process.env['DOCKER_TLS_VERIFY']
    expect(same.summary.daemon?.id).toBe(host.summary.daemon?.id)
    await same.close()
  })

  it('describes containers, and says when one is gone', async () => {
    const all = await host.containers()
    expect(all.find(each => each.id === id)).toMatchObject({
      name: container,
      state: 'running',
      image: 'lab/base:1',
      command: ['sleep', 'infinity'],
    })
    await expect(host.container('0123456789ab')).rejects.toMatchObject({ code: 'container-gone' })
    await expect(host.inContainer('0123456789ab').start(['true'])).rejects.toMatchObject({
      code: 'container-gone',
    })
  })

  it('stops, starts, pauses and unpauses, each quiet when it is so already', async () => {
    const other = await runContainer(uniqueName('state'), ['lab/base:1', 'sleep', 'infinity'])
    const state = async () => (await host.container(other)).state
    await host.pause(other)
    await host.pause(other)
    expect(await state()).toBe('paused')
    await expect(host.inContainer(other).start(['true'])).rejects.toMatchObject({
      code: 'command-failed',
    })
    await host.unpause(other)
    await host.unpause(other)
    await host.stop(other, 1000)
    await host.stop(other, 1000)
    expect(await state()).toBe('exited')
    await expect(host.inContainer(other).start(['true'])).rejects.toMatchObject({
      code: 'container-gone',
    })
    await host.start(other)
    await host.start(other)
    expect(await state()).toBe('running')
    await host.removeContainer(other)
    await host.removeContainer(other)
    await expect(host.start(other)).rejects.toMatchObject({ code: 'container-gone' })
  })

  it('tells what lies in a container’s own layer', async () => {
    await runText(place, ['sh', '-c', 'echo x >/opt/data-without-a-mount'])
    expect(await host.changes(id)).toContain('/opt/data-without-a-mount')
  })

  it('makes volumes and networks with their labels, and finds no others', async () => {
    const name = uniqueName('volume')
    expect(await host.volume(name)).toBeNull()
    await host.createVolume({ name, labels: { [ownerLabel]: ownerValue, stack: 'x' } })
    expect(await host.volume(name)).toMatchObject({ name, driver: 'local', labels: { stack: 'x' } })
    expect((await host.volumes()).map(volume => volume.name)).toContain(name)
    await host.removeVolume(name)
    await host.removeVolume(name)
    expect(await host.volume(name)).toBeNull()
  })

  it('creates a container again from its stored definition', async () => {
    const volume = uniqueName('kept')
    const network = uniqueName('net')
    const name = uniqueName('again')
    await engine.run(['network', 'create', ...label, network])
    const first = await runContainer(name, [
      '--network',
      network,
      '--network-alias',
      'db',
      '-v',
      `${volume}:/data`,
      '-v',
      '/anonymous',
      '-e',
      'KEY=a "b" $c',
      '--hostname',
      'chosen',
      '--stop-timeout',
      '33',
      'lab/base:1',
      'sleep',
      'infinity',
    ])
    const before = await host.container(first)
    const networkRaw = (await host.networks()).find(each => each.name === network)
    await engine.run(['rm', '-f', first])
    await engine.run(['network', 'rm', network])
    await host.createNetwork(networkRaw?.raw)
    const second = await host.createContainer(before.raw, name)
    await host.start(second)
    const after = await host.container(second)
    for (const key of [
      'name',
      'image',
      'env',
      'command',
      'labels',
      'networks',
      'stopGraceMs',
    ] as const) {
      expect(after[key]).toEqual(before[key])
    }
    const mounts = (each: typeof after) =>
      each.mounts.map(mount => `${mount.source} ${mount.target}`).toSorted()
    expect(mounts(after)).toEqual(mounts(before))
    expect((await runText(host.inContainer(second), ['hostname'])).stdout.trim()).toBe('chosen')
    await engine.run(['rm', '-f', '-v', second])
    await engine.try(['volume', 'rm', ...before.mounts.map(mount => mount.source)])
    await engine.run(['network', 'rm', network])
  })
})

describe('hosts/docker: commands in a container', () => {
  it('gives output, error output and exit code', async () => {
    const command = await place.start(['sh', '-c', 'echo out; echo err >&2; exit 7'])
    expect(Buffer.concat(await command.stdout.toArray()).toString()).toBe('out\n')
    expect(await command.result).toEqual({ exitCode: 7, stderr: 'err\n' })
  })

  it('passes arguments and variables as they are', async () => {
    const hostile = ['$(touch /tmp/canary)', '; exit 3', 'a b', "it's", '"', '\n', '-n', 'ä', '\\']
    const printed = await runText(place, ['printf', '%s|', ...hostile])
    expect(printed.stdout).toBe(`${hostile.join('|')}|`)
    const secret = `'"\\$%\`!# ä;&|<>(){}[]*?~=+-`
    const { stdout } = await runText(place, ['sh', '-c', 'printf %s "$SECRET"'], {
      env: { SECRET: secret },
    })
    expect(stdout).toBe(secret)
    expect(await engine.run(['inspect', id])).not.toContain(JSON.stringify(secret).slice(1, -1))
    await expect(runText(place, ['ls', '/tmp/canary'])).rejects.toMatchObject({
      code: 'command-failed',
    })
  })

  it('carries every byte both ways and closes the input', async () => {
    const bytes = randomBytes(5_000_000)
    const command = await place.start(['cat'], { stdin: 'pipe' })
    const hash = createHash('sha256')
    const reading = pipeline(command.stdout, hash)
    await pipeline([bytes], command.stdin!)
    await reading
    expect((await command.result).exitCode).toBe(0)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  it('hands each piece of error output on as it comes, from the first', async () => {
    const command = await place.start(['sh', '-c', 'echo one >&2; read line; echo two >&2'], {
      stdin: 'pipe',
    })
    let heard = ''
    command.onStderr(chunk => {
      heard += chunk.toString()
    })
    await waitFor('the first line', () => heard === 'one\n')
    command.stdin?.end('go\n')
    command.stdout.resume()
    await command.result
    expect(heard).toBe('one\ntwo\n')
  })

  it.each([
    ['is not there', ['no-such-program'], 'tool-missing'],
    ['may not be run', ['/etc/passwd'], 'tool-missing'],
  ])('rejects before anything is read when the program %s', async (_why, argv, code) => {
    await expect(place.start(argv)).rejects.toMatchObject({ code })
  })

  it('tells other reasons for not starting from a missing program', async () => {
    await expect(place.start(['true'], { user: 'nobody-of-that-name' })).rejects.toMatchObject({
      code: 'command-failed',
    })
    await expect(place.start(['true'], { workingDirectory: '/no/such' })).rejects.toMatchObject({
      code: 'command-failed',
    })
  })

  it('takes 127 of a shell for a missing program', async () => {
    await expect(runText(place, ['sh', '-c', 'no-such-program'])).rejects.toMatchObject({
      code: 'tool-missing',
    })
  })

  it('works in a container without a shell', async () => {
    const name = uniqueName('noshell')
    const bare = await runContainer(name, ['lab/noshell:1'])
    await expect(host.inContainer(bare).start(['sh', '-c', 'true'])).rejects.toMatchObject({
      code: 'tool-missing',
    })
    await engine.run(['rm', '-f', '-v', name])
  })

  it('reports 137 when the container is killed under a command, however clean its stream ends', async () => {
    const name = uniqueName('killed')
    const victim = await runContainer(name, ['lab/base:1', 'sleep', 'infinity'])
    const command = await host.inContainer(victim).start(['yes'])
    let bytes = 0
    command.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await waitFor('some output', () => bytes > 1_000_000)
    await engine.run(['kill', name])
    expect((await command.result).exitCode).toBe(137)
    await engine.run(['rm', '-f', name])
  })

  it('never succeeds when the container is removed under a command', async () => {
    const name = uniqueName('removed')
    const victim = await runContainer(name, ['lab/base:1', 'sleep', 'infinity'])
    const command = await host.inContainer(victim).start(['sleep', '1000'])
    command.stdout.resume()
    await engine.run(['rm', '-f', name])
    // The engine forgets the command a moment after it has ended it.
    const outcome = await command.result.then(
      ({ exitCode }) => exitCode,
      (error: unknown) => (error as { code: unknown }).code,
    )
    expect([137, 'container-gone']).toContain(outcome)
  })

  it('keeps memory bounded when error output floods, with a note of what was dropped', async () => {
    const before = process.memoryUsage().rss
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss)
    }, 20)
    const command = await place.start([
      'sh',
      '-c',
      'head -c 200000000 /dev/zero | tr "\\0" w >&2; echo done',
    ])
    const out = Buffer.concat(await command.stdout.toArray()).toString()
    const { exitCode, stderr } = await command.result
    clearInterval(watch)
    expect([out, exitCode]).toEqual(['done\n', 0])
    expect(stderr).toMatch(/^\[199934464 bytes before this were left out\]\nw+$/)
    expect(most - before).toBeLessThan(100 * 1024 * 1024)
  })

  it('keeps memory bounded when the reader is slow', async () => {
    const before = process.memoryUsage().rss
    let most = 0
    let bytes = 0
    const command = await place.start(['head', '-c', '300000000', '/dev/zero'])
    for await (const chunk of command.stdout) {
      bytes += (chunk as Buffer).length
      most = Math.max(most, process.memoryUsage().rss)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    expect([bytes, (await command.result).exitCode]).toEqual([300_000_000, 0])
    expect(most - before).toBeLessThan(100 * 1024 * 1024)
  })
})

describe('hosts/docker: ending a command', () => {
  const mark = '864209'
  const alive = async (where: CommandPlace) => (await processes(where)).includes(`sleep ${mark}`)

  it('ends it with all its children and never calls that a success', async () => {
    const script = `sleep ${mark} & (sleep ${mark} | sleep ${mark}); wait; exit 0`
    const command = await place.start(['sh', '-c', script])
    await waitFor('the children', () => alive(place))
    await command.kill()
    await command.kill()
    expect(await alive(place)).toBe(false)
    expect((await command.result).exitCode).not.toBe(0)
  })

  it('ends what ignores SIGTERM and what made a session of its own', async () => {
    const command = await place.start([
      'sh',
      '-c',
      `trap "" TERM; setsid sleep ${mark} & while :; do sleep 1; done`,
    ])
    await waitFor('the children', () => alive(place))
    await command.kill()
    expect(await alive(place)).toBe(false)
  })

  it('ends it when the signal is given', async () => {
    const stop = new AbortController()
    const running = runText(place, ['sleep', mark], { signal: stop.signal })
    await waitFor('the command', () => alive(place))
    stop.abort()
    await expect(running).rejects.toMatchObject({ code: 'interrupted' })
    expect(await alive(place)).toBe(false)
  })

  it('ends it when what its output was written to failed', async () => {
    const command = await place.start(['sh', '-c', `yes; sleep ${mark}`])
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(new Error('ENOSPC')),
    })
    await expect(pipeline(command.stdout, full)).rejects.toThrow('ENOSPC')
    expect((await command.result).exitCode).not.toBe(0)
    expect(await processes(place)).not.toMatch(/^yes/m)
  })

  it('ends it as the user that it runs as', async () => {
    const command = await place.start(['sleep', mark], { user: 'nobody' })
    await waitFor('the command', () => alive(place))
    await command.kill()
    expect(await alive(place)).toBe(false)
  })

  it('ends it in a container without a shell, from outside', async () => {
    const name = uniqueName('noshell-kill')
    const bare = await runContainer(name, ['lab/noshell:1'])
    const { command, entrypoint } = await host.container(bare)
    const running = await host.inContainer(bare).start([...entrypoint, ...command])
    await running.kill()
    expect((await running.result).exitCode).not.toBe(0)
    expect((await host.container(bare)).state).toBe('running')
    // Other suites have helpers of their own on this engine.
    const ours = (await host.helpers()).filter(
      helper => helper.labels[OWNER_LABEL] === helperOwner(),
    )
    expect(ours).toEqual([])
    await engine.run(['rm', '-f', '-v', name])
  })

  it('leaves the sessions of a Postgres alone that is process 1', async () => {
    const name = uniqueName('pg')
    const database = await runContainer(name, ['-e', 'POSTGRES_PASSWORD=x', 'postgres:17'])
    const postgres = host.inContainer(database)
    const sql = (text: string) =>
      runText(postgres, ['psql', '-X', '-At', '-c', text], { user: 'postgres' })
    // The image starts the server once to prepare it, and again to serve.
    await waitFor('the database as process 1', async () => {
      const { stdout } = await runText(postgres, ['sh', '-c', 'tr "\\0" " " </proc/1/cmdline'])
      return /^postgres/.test(stdout) && (await sql('select 1')).stdout === '1\n'
    })
    await sql('create table t as select generate_series(1, 1000000) as n')
    const session = await postgres.start(['psql', '-X', '-At'], { user: 'postgres', stdin: 'pipe' })
    let said = ''
    session.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    session.stdin?.write('select pg_backend_pid();\n')
    await waitFor('the session', () => said !== '')

    for (let round = 0; round < 5; round++) {
      const dump = await postgres.start(
        ['sh', '-c', 'pg_dump -Fp postgres | cat; psql -c "select pg_sleep(100)"; exit $?'],
        { user: 'postgres' },
      )
      let bytes = 0
      dump.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      await waitFor('the dump', () => bytes > 10_000 * round)
      await dump.kill()
      expect((await dump.result).exitCode).not.toBe(0)
    }
    expect(await processes(postgres)).not.toMatch(/pg_dump|pg_sleep/)
    said = ''
    session.stdin?.end('select 42;\n')
    expect(await session.result).toMatchObject({ exitCode: 0 })
    expect(said).toBe('42\n')
    const log = await engine.try(['logs', name])
    expect(`${log.stdout.toString()}${log.stderr}`).not.toMatch(
      /terminated by signal|reinitializing/,
    )
    await engine.run(['rm', '-f', '-v', name])
  })
})
