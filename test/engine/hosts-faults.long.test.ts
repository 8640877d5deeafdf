import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { EngineId } from '../../lab/docker.ts'
import { docker, ownerLabel, ownerValue, uniqueName } from '../../lab/docker.ts'
import { run } from '../../lab/lib/run.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import { dockerHost } from '../../src-main/engine/hosts/docker.ts'
import type { TlsMaterial } from '../../src-main/engine/hosts/docker/transport.ts'
import { socketTransport, tcpTransport } from '../../src-main/engine/hosts/docker/transport.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { openHost } from '../../src-main/engine/hosts/index.ts'
import { openHelper } from '../../src-main/engine/hosts/open-helper.ts'
import { runText } from '../../src-main/engine/lib/run.ts'
import type { EngineProxy } from '../helpers/engine-proxy.ts'
import { startEngineProxy } from '../helpers/engine-proxy.ts'
import { hostDeps } from '../helpers/host-deps.ts'

const engine = docker(process.env['LIFEBOAT_TEST_ENGINE'] as EngineId)

let home: string
let direct: DockerHost
let containerId: string
const closers: (() => Promise<void>)[] = []

async function proxied(options?: Parameters<typeof startEngineProxy>[1]): Promise<EngineProxy> {
  const proxy = await startEngineProxy(engine.engine.socket, options)
  closers.push(() => proxy.close())
  return proxy
}

function hostOver(proxy: EngineProxy): DockerHost {
  const host = dockerHost(socketTransport(proxy.socket, 'unix:///proxied.sock'), direct.summary)
  closers.push(() => host.close())
  return host
}

/** Processes of our making in the container. */
async function commands(): Promise<string> {
  const script = 'for p in /proc/[0-9]*/cmdline; do tr "\\0" " " <$p; echo; done 2>/dev/null'
  return (await runText(direct.inContainer(containerId), ['sh', '-c', script])).stdout
}

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-'))
  const opened = await openHost(engine.engine.dockerHost, hostDeps(home))
  if (opened.kind !== 'docker') throw new Error('a Docker host was expected')
  direct = opened
  containerId = (
    await engine.run([
      'run',
      '-d',
      '--name',
      uniqueName('faults'),
      '--label',
      `${ownerLabel}=${ownerValue}`,
      'lab/base:1',
      'sleep',
      'infinity',
    ])
  ).trim()
})

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

afterAll(async () => {
  await engine.try(['rm', '-f', containerId])
  await direct.close()
  await rm(home, { recursive: true, force: true })
})

describe('hosts: a bad line', () => {
  it('fails when the connection is cut, at many moments, and leaves no command behind', async () => {
    for (const wanted of [0, 50_000, 20_000_000]) {
      const proxy = await proxied()
      const command = await hostOver(proxy).inContainer(containerId).start(['yes', 'cut-short'])
      let bytes = 0
      command.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      await waitFor('the output', () => bytes >= wanted)
      proxy.cut()
      // A cut may look like a clean end; then nobody can tell the exit code.
      const outcome = await command.result.then(
        ({ exitCode }) => exitCode,
        (error: unknown) => (error as { code: unknown }).code,
      )
      expect([null, 'host-unreachable', 'stream-corrupt']).toContain(outcome)
      expect(await commands()).not.toContain('cut-short')
    }
  })

  it('fails when the stream ends inside a frame', async () => {
    const proxy = await proxied()
    const host = hostOver(proxy)
    await host.daemon()
    const command = await host
      .inContainer(containerId)
      .start(['head', '-c', '10000000', '/dev/zero'])
    proxy.endAfter(1_000_000)
    const outcome = await Promise.allSettled([command.stdout.resume().toArray(), command.result])
    expect(outcome[1]).toMatchObject({ status: 'rejected' })
    const reason = (outcome[1] as PromiseRejectedResult).reason as { code: string }
    expect(['stream-corrupt', 'host-unreachable']).toContain(reason.code)
  })

  it('finds a half-open line within a minute, in a quiet command and in one that sends', async () => {
    const proxy = await proxied()
    const place = hostOver(proxy).inContainer(containerId)
    const quiet = await place.start(['sleep', '100001'])
    const busy = await place.start(['yes', 'half-open'])
    quiet.stdout.resume()
    busy.stdout.resume()
    const since = Date.now()
    proxy.freeze()
    await expect(quiet.result).rejects.toMatchObject({ code: 'host-unreachable' })
    await expect(busy.result).rejects.toMatchObject({ code: 'host-unreachable' })
    expect(Date.now() - since).toBeLessThan(60_000)
    await engine.try(['exec', containerId, 'pkill', '-f', '100001|half-open'])
  })

  it('lets a quiet command on a living line be quiet', async () => {
    const proxy = await proxied()
    const before = proxy.connections()
    const { stdout } = await runText(hostOver(proxy).inContainer(containerId), [
      'sh',
      '-c',
      'sleep 45; echo done',
    ])
    expect(stdout).toBe('done\n')
    // The engine was asked meanwhile whether it is there.
    expect(proxy.connections()).toBeGreaterThan(before + 1)
  })

  it('ends helpers whose line is cut', async () => {
    const proxy = await proxied()
    const helper = await openHelper(hostOver(proxy), [], 'read', {
      cacheFolder: path.join(home, 'cache'),
    })
    proxy.cut()
    await waitFor('the end of the helper', async () => {
      const found = await direct.helpers()
      return found.every(each => each.id !== helper.containerId)
    })
  })

  it('says that the engine went away, not that the command failed', async () => {
    const proxy = await proxied()
    const place = hostOver(proxy).inContainer(containerId)
    const command = await place.start(['sleep', '100002'])
    command.stdout.resume()
    await proxy.close()
    await expect(command.result).rejects.toMatchObject({ code: 'host-unreachable' })
    await expect(place.start(['true'])).rejects.toMatchObject({
      code: 'docker-missing',
      layer: 'socket-missing',
    })
    await engine.try(['exec', containerId, 'pkill', '-f', '100002'])
  })
})

describe('hosts: TCP', () => {
  it('is plain on the loopback address only', async () => {
    const proxy = await proxied({ tcp: true })
    const host = await openHost(`tcp://127.0.0.1:${proxy.port}`, hostDeps(home))
    closers.push(() => host.close())
    expect(host.summary.daemon?.id).toBe(direct.summary.daemon?.id)
  })

  it('speaks TLS both ways, and refuses an engine that the certificates do not know', async () => {
    const folder = path.join(home, 'certificates')
    await run(['mkdir', '-p', folder])
    const file = (name: string) => path.join(folder, name)
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ]
    for (const name of ['ca', 'foreign']) {
      await run([
        'openssl',
        'req',
        '-x509',
        ...key,
        '-subj',
        `/CN=${name}`,
        '-keyout',
        file(`${name}-key.pem`),
        '-out',
        file(`${name}.pem`),
      ])
    }
    for (const name of ['server', 'client']) {
      await run([
        'openssl',
        'req',
        ...key.slice(0, -2),
        '-subj',
        `/CN=${name}`,
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        file(`${name}-key.pem`),
        '-out',
        file(`${name}.csr`),
      ])
      await run([
        'openssl',
        'x509',
        '-req',
        '-in',
        file(`${name}.csr`),
        '-CA',
        file('ca.pem'),
        '-CAkey',
        file('ca-key.pem'),
        '-CAcreateserial',
        '-copy_extensions',
        'copy',
        '-days',
        '2',
        '-out',
        file(`${name}.pem`),
      ])
    }
    const read = (name: string) => readFile(file(name))
    const proxy = await proxied({
      tls: {
        ca: await read('ca.pem'),
        cert: await read('server.pem'),
        key: await read('server-key.pem'),
        requestCert: true,
        rejectUnauthorized: true,
      },
    })
    const over = (tls: TlsMaterial): DockerHost => {
      const host = dockerHost(
        tcpTransport('127.0.0.1', proxy.port, tls, 'tcp://tls'),
        direct.summary,
      )
      closers.push(() => host.close())
      return host
    }
    const good: TlsMaterial = {
      ca: await read('ca.pem'),
      cert: await read('client.pem'),
      key: await read('client-key.pem'),
      skipVerify: false,
    }
    const host = over(good)
    expect((await host.daemon()).id).toBe(direct.summary.daemon?.id)
    const place = host.inContainer(containerId)
    const { stdout } = await runText(place, ['sh', '-c', 'cat; echo end'], {
      stdin: Buffer.alloc(3_000_000, 'x'),
    })
    expect(stdout.length).toBe(3_000_004)
    const command = await place.start(['sleep', '100003'])
    await command.kill()
    expect((await command.result).exitCode).not.toBe(0)

    await expect(over({ ...good, ca: await read('foreign.pem') }).daemon()).rejects.toMatchObject({
      code: 'host-unreachable',
      layer: 'login',
    })
    await expect(over({ ...good, cert: undefined, key: undefined }).daemon()).rejects.toMatchObject(
      {
        code: 'host-unreachable',
      },
    )
  })
})
