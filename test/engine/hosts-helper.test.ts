import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { EngineId } from '../../lab/docker.ts'
import { docker, ownerLabel, ownerValue, uniqueName } from '../../lab/docker.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import type { Helper } from '../../src-main/engine/hosts/helper.ts'
import { findHelperImage } from '../../src-main/engine/hosts/helper-images.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { openHost } from '../../src-main/engine/hosts/index.ts'
import { openHelper } from '../../src-main/engine/hosts/open-helper.ts'
import { sweepHelpers } from '../../src-main/engine/hosts/sweep-helpers.ts'
import { runText } from '../../src-main/engine/lib/run.ts'
import { hostDeps } from '../helpers/host-deps.ts'

const engine = docker(process.env['LIFEBOAT_TEST_ENGINE'] as EngineId)
const volume = uniqueName('helper')

let home: string
let host: DockerHost
let cacheFolder: string
let rich: string
let busybox: string
const open: Helper[] = []

async function helper(
  ...args: Parameters<typeof openHelper> extends [unknown, ...infer R] ? R : never
) {
  const opened = await openHelper(host, ...args)
  open.push(opened)
  return opened
}

async function exists(containerId: string): Promise<boolean> {
  return (await engine.try(['inspect', containerId])).code === 0
}

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-'))
  const opened = await openHost(engine.engine.dockerHost, hostDeps(home))
  if (opened.kind !== 'docker') throw new Error('a Docker host was expected')
  host = opened
  cacheFolder = path.join(home, 'cache')
  rich = (await host.image('lab/base:1'))!.id
  busybox = (await host.image('busybox:1'))!.id
  await host.createVolume({ name: volume, labels: { [ownerLabel]: ownerValue } })
})

afterEach(async () => {
  await Promise.all(open.splice(0).map(each => each.close()))
})

afterAll(async () => {
  await host.removeVolume(volume)
  await host.close()
  await rm(home, { recursive: true, force: true })
})

const mounts = [
  { mount: `volume:${volume}`, type: 'volume', source: volume, readOnly: true },
  { mount: 'bind:/etc', type: 'bind', source: '/etc', readOnly: true },
] as const

describe('hosts/helper', () => {
  it('has the mounts, the tools, and no more power than it needs', async () => {
    const { place, pathOf, tools, containerId } = await helper(mounts, 'read', {
      cacheFolder,
      prefer: [rich],
      runId: 'run-1',
    })
    expect(tools).toMatchObject({ tar: 'gnu', zstd: true, find: 'gnu', sha256: 'openssl' })
    const etc = pathOf('bind:/etc')
    const { stdout } = await runText(place, ['cat', `${etc}/hostname`])
    expect(stdout).toBe(await readFile('/etc/hostname', 'utf8'))
    for (const target of [etc, pathOf(`volume:${volume}`), '', '/usr']) {
      await expect(runText(place, ['touch', `${target}/x`])).rejects.toMatchObject({
        details: expect.stringContaining('Read-only') as string,
      })
    }
    const status = (await runText(place, ['cat', '/proc/self/status'])).stdout
    expect(status).toMatch(/CapEff:\s+0000000000000004\n/)
    expect(status).toMatch(/NoNewPrivs:\s+1/)
    expect((await runText(place, ['ls', '/sys/class/net'])).stdout.trim()).toBe('lo')
    const { raw, labels, name } = await host.container(containerId)
    expect(name).toMatch(/^lifeboat-read-[0-9a-f]{8}$/)
    expect(labels).toMatchObject({ 'io.lifeboat.helper': 'read', 'io.lifeboat.run': 'run-1' })
    expect(raw).toMatchObject({ HostConfig: { LogConfig: { Type: 'none' }, AutoRemove: true } })
  })

  it('reports what cannot be mounted, mounts the rest, and creates nothing', async () => {
    const lost = uniqueName('not-there')
    const missingPath = `/no/such/${lost}`
    const { missing, pathOf } = await helper(
      [
        ...mounts,
        { mount: `volume:${lost}`, type: 'volume', source: lost, readOnly: true },
        { mount: `bind:${missingPath}`, type: 'bind', source: missingPath, readOnly: true },
      ],
      'read',
      { cacheFolder, prefer: [rich] },
    )
    expect(missing.map(each => each.mount).toSorted()).toEqual([
      `bind:${missingPath}`,
      `volume:${lost}`,
    ])
    expect(missing.every(each => each.reason.includes(lost))).toBe(true)
    expect(pathOf(`volume:${lost}`)).toBeNull()
    expect(pathOf(`volume:${volume}`)).not.toBeNull()
    expect(await host.volume(lost)).toBeNull()
    await expect(readdir(missingPath)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('may write, give owners and modes, and make special files when it is there to restore', async () => {
    const { place, pathOf } = await helper([{ ...mounts[0], readOnly: false }], 'write', {
      cacheFolder,
      prefer: [rich],
    })
    const root = pathOf(`volume:${volume}`)!
    const script = `set -e; cd "$1"
      mkdir -p d; echo x >d/f; chown 70000:70001 d/f d; chmod 4750 d/f; chmod 0 d
      mknod c c 1 3; mkfifo p; setfattr -n user.k -v v p 2>/dev/null || :
      stat -c '%u:%g %a' d/f; cat d/f; rm -rf d c p`
    const { stdout } = await runText(place, ['sh', '-c', script, '_', root])
    expect(stdout).toBe('70000:70001 4750\nx\n')
  })

  it('reads what belongs to others and is closed to all', async () => {
    await engine.run([
      'run',
      '--rm',
      '--label',
      `${ownerLabel}=${ownerValue}`,
      '-v',
      `${volume}:/v`,
      'lab/base:1',
      'sh',
      '-c',
      'mkdir -p /v/s && echo secret >/v/s/k && chmod 0 /v/s/k /v/s && chown -R 70000 /v/s',
    ])
    const { place, pathOf } = await helper(mounts, 'read', { cacheFolder, prefer: [rich] })
    const root = pathOf(`volume:${volume}`)
    expect((await runText(place, ['cat', `${root}/s/k`])).stdout).toBe('secret\n')
  })

  it('leaves no container and no anonymous volume behind', async () => {
    const postgres = (await host.image('postgres:17'))!
    expect(postgres.volumes).not.toEqual([])
    const { containerId, close } = await helper([], 'read', { cacheFolder, prefer: [postgres.id] })
    const { mounts } = await host.container(containerId)
    expect(mounts.filter(each => each.type === 'volume')).toEqual([])
    await close()
    await close()
    expect(await exists(containerId)).toBe(false)
  })

  it('asks an image once, and remembers the answer', async () => {
    let started = 0
    const counting: DockerHost = {
      ...host,
      startHelper: spec => {
        started++
        return host.startHelper(spec)
      },
    }
    const own = path.join(home, 'own-cache')
    const first = await findHelperImage(
      counting,
      { cacheFolder: own, prefer: [busybox] },
      () => true,
      () => true,
    )
    expect(first).toMatchObject({ image: busybox, tools: { tar: 'busybox', zstd: false } })
    expect(started).toBe(1)
    const again = await findHelperImage(
      counting,
      { cacheFolder: own, prefer: [busybox] },
      () => true,
      () => true,
    )
    expect(again).toEqual(first)
    expect(started).toBe(1)
  })

  it('takes a better image on the host when the stack’s own is poor', async () => {
    const found = await findHelperImage(host, { cacheFolder, prefer: [busybox] })
    expect(found?.image).not.toBe(busybox)
    expect(found?.tools).toMatchObject({ tar: 'gnu', zstd: true })
  })

  it('makes do with busybox when there is nothing else', async () => {
    const poor: DockerHost = { ...host, images: () => Promise.resolve([]) }
    const { tools, close, place } = await openHelper(poor, mounts, 'read', {
      cacheFolder,
      prefer: [busybox],
    })
    expect(tools).toMatchObject({ tar: 'busybox', shell: true })
    expect((await runText(place, ['echo', 'hello'])).stdout).toBe('hello\n')
    await close()
  })

  it('finds nothing in images without a shell or of another machine, and says how to load one', async () => {
    const bare = (await host.image('lab/noshell:1'))!
    const foreign = { ...(await host.image('lab/base:1'))!, architecture: 'riscv64' }
    const poor: DockerHost = { ...host, images: () => Promise.resolve([bare, foreign]) }
    await expect(openHelper(poor, [], 'read', { cacheFolder })).rejects.toMatchObject({
      code: 'no-helper-image',
      hint: expect.stringContaining('docker load') as string,
    })
  })

  it('finds an image that can talk to the engine’s socket', async () => {
    const need = (tools: { socketClient: unknown }) => tools.socketClient !== null
    const found = await findHelperImage(host, { cacheFolder, prefer: [busybox] }, need, need)
    expect(found?.tools.socketClient).toBe('perl')
  })

  it('ends at once when our process is killed', async () => {
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `
        const { openHost } = await import(process.env.ROOT + '/src-main/engine/hosts/index.ts')
        const { openHelper } = await import(process.env.ROOT + '/src-main/engine/hosts/open-helper.ts')
        const { hostDeps } = await import(process.env.ROOT + '/test/helpers/host-deps.ts')
        const host = await openHost(process.env.ENGINE, hostDeps(process.env.HOME_FOLDER))
        const helper = await openHelper(host, [], 'read', { cacheFolder: process.env.HOME_FOLDER + '/cache', prefer: [process.env.IMAGE] })
        const command = await helper.place.start(['sleep', '100000'])
        process.stdout.write(helper.containerId)
        command.stdout.resume()
        setInterval(() => {}, 1000)
        `,
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          ROOT: path.resolve(import.meta.dirname, '../..'),
          ENGINE: engine.engine.dockerHost,
          HOME_FOLDER: home,
          IMAGE: rich,
        },
      },
    )
    let containerId = ''
    child.stdout.on('data', (chunk: Buffer) => {
      containerId += chunk.toString()
    })
    await waitFor('the helper of the child', () => containerId.length === 64)
    expect(await exists(containerId)).toBe(true)
    child.kill('SIGKILL')
    await waitFor('the helper’s end', async () => !(await exists(containerId)))
  })

  it('is not swept while its process lives; that of a dead process is', async () => {
    const mine = await helper([], 'read', { cacheFolder, prefer: [rich] })
    const owner = (await host.container(mine.containerId)).labels['io.lifeboat.owner']
    const orphan = await engine.run([
      'run',
      '-d',
      '--rm',
      '--label',
      'io.lifeboat.helper=read',
      '--label',
      `${ownerLabel}=${ownerValue}`,
      // No process has this id: the kernel's limit is lower.
      '--label',
      `io.lifeboat.owner=${JSON.stringify({ ...JSON.parse(owner!), pid: 4194305 })}`,
      'lab/base:1',
      'sleep',
      'infinity',
    ])
    const foreign = await engine.run([
      'run',
      '-d',
      '--rm',
      '--label',
      'io.lifeboat.helper=read',
      '--label',
      `${ownerLabel}=${ownerValue}`,
      '--label',
      `io.lifeboat.owner=${JSON.stringify({ ...JSON.parse(owner!), hostName: 'elsewhere' })}`,
      'lab/base:1',
      'sleep',
      'infinity',
    ])
    const removed = await sweepHelpers(host)
    expect(removed).toContain(orphan.trim())
    expect(removed).not.toContain(mine.containerId)
    expect(removed).not.toContain(foreign.trim())
    await engine.run(['rm', '-f', foreign.trim()])
  })

  it('is swept as a switch only when it never ran', async () => {
    const mine = await helper([], 'read', { cacheFolder, prefer: [rich] })
    const owner = (await host.container(mine.containerId)).labels['io.lifeboat.owner']
    // No process has this id: the kernel's limit is lower.
    const dead = JSON.stringify({ ...JSON.parse(owner!), pid: 4194305 })
    const make = async (...verb: readonly string[]): Promise<string> => {
      const labels = [
        'io.lifeboat.helper=dead-man',
        `io.lifeboat.owner=${dead}`,
        `${ownerLabel}=${ownerValue}`,
      ].flatMap(each => ['--label', each])
      const argv = [...verb, '--rm', ...labels, 'lab/base:1', 'sleep', 'infinity']
      return (await engine.run(argv)).trim()
    }
    const never = await make('create')
    const atWork = await make('run', '-d')
    const removed = await sweepHelpers(host)
    expect(removed).toContain(never)
    expect(removed).not.toContain(atWork)
    expect(await exists(never)).toBe(false)
    await engine.run(['rm', '-f', atWork])
  })

  it('starts nothing when the run was stopped already', async () => {
    await expect(
      openHelper(host, [], 'read', { cacheFolder, prefer: [rich], signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'interrupted' })
  })
})
