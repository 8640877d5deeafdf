import { createHash } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { docker } from '../../lab/docker.ts'
import { describeMount } from '../../lab/fixtures/describe.ts'
import { fillVolume } from '../../lab/fixtures/fill.ts'
import { differences, withoutFacts } from '../../lab/fixtures/state.ts'
import { waitFor } from '../../lab/lib/wait.ts'
import type { VolumeArchive } from '../../src-main/engine/capture/volume-archive.ts'
import { archiveVolume, defaultCompression } from '../../src-main/engine/capture/volume-archive.ts'
import type { Helper } from '../../src-main/engine/hosts/helper.ts'
import { probeTools } from '../../src-main/engine/hosts/helper-tools.ts'
import type { DockerHost } from '../../src-main/engine/hosts/host.ts'
import { openHelper } from '../../src-main/engine/hosts/open-helper.ts'
import type { CommandPlace } from '../../src-main/engine/lib/command.ts'
import type { Home } from './capture-support.ts'
import {
  engineId,
  inVolume,
  makeContainer,
  makeHome,
  makeVolume,
  openLab,
} from './capture-support.ts'

const lab = docker(engineId)
let home: Home
let host: DockerHost

beforeAll(async () => {
  home = await makeHome()
  host = await openLab(home.deps)
})
afterAll(async () => {
  await host.close()
  await home[Symbol.asyncDispose]()
})

async function helperFor(volume: string): Promise<Helper & AsyncDisposable> {
  const mounts = [
    { mount: `volume:${volume}`, type: 'volume', source: volume, readOnly: true } as const,
  ]
  const helper = await openHelper(host, mounts, 'read', { cacheFolder: home.deps.paths.cache })
  return { ...helper, [Symbol.asyncDispose]: () => helper.close() }
}

async function archive(
  helper: Pick<Helper, 'place' | 'tools' | 'pathOf'>,
  volume: string,
  leaveOut: readonly string[] = [],
): Promise<VolumeArchive> {
  return archiveVolume({
    place: helper.place,
    tools: helper.tools,
    root: helper.pathOf(`volume:${volume}`) ?? '',
    fileName: null,
    leaveOut,
    compression: defaultCompression,
    signal: new AbortController().signal,
  })
}

async function read(packed: VolumeArchive) {
  const chunks: Buffer[] = []
  for await (const chunk of packed.stream as AsyncIterable<Buffer>) chunks.push(chunk)
  const wire = Buffer.concat(chunks)
  const proof = await packed.proof
  const plain = packed.encoding === 'zstd' && wire.length > 0 ? zstdDecompressSync(wire) : wire
  return { wire, plain, proof }
}

/** Unpacks with the tar of the rich image, as RESTORE.md says. */
async function unpackInto(volume: string, plain: Buffer): Promise<void> {
  const tar =
    'tar -x -p --numeric-owner --same-owner --acls --xattrs "--xattrs-include=*" -f - -C /v'
  const argv = ['run', '--rm', '-i', '--network=none', '--log-driver=none', '-v', `${volume}:/v`]
  await lab.run([...argv, 'lab/base:1', 'sh', '-c', tar], { input: plain })
}

/** Runs the packing in a container of an image that the choice of the helper would not take. */
async function inImage(image: string, volume: string) {
  const container = await makeContainer(['--network=none', '-v', `${volume}:/v:ro`], image)
  const place: CommandPlace = host.inContainer(container.id)
  const tools = await probeTools(place)
  return {
    place,
    tools,
    pathOf: () => '/v',
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  }
}

describe('a volume as an archive', () => {
  it('keeps everything that a volume can hold', async () => {
    await using volume = await makeVolume()
    await using other = await makeVolume()
    await fillVolume(lab, volume.name, 200, ['odd', 'special'])
    await using helper = await helperFor(volume.name)
    expect(helper.tools).toMatchObject({ tar: 'gnu', zstd: true })

    const { plain, proof } = await read(await archive(helper, volume.name))
    expect(proof).toMatchObject({ exitCode: 0, plainBytes: plain.length, unsteadyFiles: 0 })
    // A sparse file of 1 GiB is in it, with 768 KiB of data.
    expect(plain.length).toBeLessThan(20 * 1024 * 1024)
    // Sockets are the only thing left out, and it is said.
    expect(proof.warnings).toHaveLength(1)
    expect(proof.warnings[0]).toMatch(/^1 socket left out: sockets hold no data: /)

    await unpackInto(other.name, plain)
    const before = withoutFacts(await describeMount(lab, volume.name), /socket/)
    const after = await describeMount(lab, other.name)
    expect(Object.keys(before).length).toBeGreaterThan(250)
    expect(differences(before, after)).toEqual([])
  })

  it('holds a sparse file of 100 GB as the megabyte that it is', async () => {
    await using volume = await makeVolume()
    await inVolume(
      volume.name,
      'truncate -s 100G /v/large; dd if=/dev/urandom of=/v/large bs=1M count=1 seek=50000 conv=notrunc 2>/dev/null',
    )
    await using helper = await helperFor(volume.name)
    const { plain, proof } = await read(await archive(helper, volume.name))
    expect(proof).toMatchObject({ exitCode: 0, plainBytes: plain.length })
    expect(plain.length).toBeLessThan(2 * 1024 * 1024)
  })

  it('leaves out exactly what it is told to', async () => {
    await using volume = await makeVolume()
    await using other = await makeVolume()
    await inVolume(
      volume.name,
      `mkdir -p /v/data/pg; cd /v; echo 1 >'a*'; echo 2 >ab; echo 3 >data/pg/x; echo 4 >data/db.sqlite; echo 5 >data/db.sqlite-wal; echo 6 >db.sqlite; touch -- '-x' "$(printf 'n\\nl')"`,
    )
    await using helper = await helperFor(volume.name)
    const leaveOut = ['a*', 'data/pg', 'data/db.sqlite', 'data/db.sqlite-wal', '-x', 'n\nl']
    const { plain } = await read(await archive(helper, volume.name, leaveOut))
    await unpackInto(other.name, plain)
    const found = await inVolume(other.name, 'cd /v; find . ! -type d | sort')
    expect(found).toBe('./ab\n./db.sqlite\n')
  })

  it('takes an empty volume', async () => {
    await using volume = await makeVolume()
    await using helper = await helperFor(volume.name)
    const { plain, proof } = await read(await archive(helper, volume.name))
    expect(proof).toMatchObject({ exitCode: 0, plainBytes: plain.length, warnings: [] })
    expect(plain.length).toBeGreaterThan(0)
  })

  it('names files that change while they are read, and stays whole', async () => {
    await using volume = await makeVolume()
    await inVolume(volume.name, 'head -c 30000000 /dev/urandom >/v/grows')
    const script = 'while :; do echo more >>/v/grows; done'
    await using writer = await makeContainer(['-v', `${volume.name}:/v`], 'lab/base:1', [
      'sh',
      '-c',
      script,
    ])
    await using helper = await helperFor(volume.name)
    const { plain, proof } = await read(await archive(helper, volume.name))
    expect(proof).toMatchObject({ exitCode: 0, plainBytes: plain.length, unsteadyFiles: 1 })
    expect(proof.failure).toBeUndefined()
    expect(proof.warnings.join()).toContain('1 file changed while being read: grows.')
    expect(await lab.containerState(writer.id)).toMatchObject({ status: 'running' })
  })

  it('fails when a file cannot be read', async () => {
    await using volume = await makeVolume()
    await inVolume(volume.name, 'echo secret >/v/locked; chmod 000 /v/locked; echo x >/v/open')
    const options = ['--user', '1234', '--network=none', '-v', `${volume.name}:/v:ro`]
    await using container = await makeContainer(options)
    const place = host.inContainer(container.id)
    const tools = await probeTools(place)
    const { proof } = await read(await archive({ place, tools, pathOf: () => '/v' }, volume.name))
    expect(proof.exitCode).toBe(1)
    expect(proof.failure).toMatch(/tar ended with exit code 2: tar: .*locked: Cannot open/)
  })

  it('fails, with the exit code of the kill, when its container dies in the middle', async () => {
    await using volume = await makeVolume()
    await inVolume(volume.name, 'head -c 300000000 /dev/urandom >/v/large')
    const helper = await helperFor(volume.name)
    const packed = await archive(helper, volume.name)
    let seen = 0
    const reading = (async () => {
      for await (const chunk of packed.stream as AsyncIterable<Buffer>) {
        seen += chunk.length
        // Slow enough that the kill comes in the middle.
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    })().catch(() => undefined)
    await waitFor('some data', () => seen > 1_000_000)
    await lab.run(['kill', helper.containerId])
    await reading
    const proof = await packed.proof.catch(() => null)
    expect(proof?.exitCode === 0 && proof.failure === undefined).toBe(false)
    await helper.close()
  })

  it('leaves no process behind when it is stopped', async () => {
    await using volume = await makeVolume()
    await inVolume(volume.name, 'head -c 300000000 /dev/urandom >/v/large')
    await using helper = await helperFor(volume.name)
    const packed = await archive(helper, volume.name)
    await new Promise(resolve => packed.stream.once('readable', resolve))
    await packed.abort()
    const { stdout } = await lab.try(['top', helper.containerId, '-eo', 'args'])
    expect(String(stdout)).not.toMatch(/\btar\b|\bzstd\b/)
    expect((await packed.proof).exitCode).not.toBe(0)
  })
})

describe('a volume as an archive of busybox', () => {
  it('is proved by a digest of the wire, and names what is lost', async () => {
    await using volume = await makeVolume()
    await using other = await makeVolume()
    await fillVolume(lab, volume.name, 50)
    await using helper = await inImage('busybox:1', volume.name)
    expect(helper.tools).toMatchObject({ tar: 'busybox', zstd: false })
    const { wire, plain, proof } = await read(await archive(helper, volume.name))
    expect(proof).toMatchObject({
      exitCode: 0,
      streamSha256: createHash('sha256').update(wire).digest('hex'),
    })
    expect(proof.warnings.join()).toContain('Packed with busybox tar')
    await unpackInto(other.name, plain)
    const state = async (name: string) =>
      withoutFacts(await describeMount(lab, name), /^(?:folder )?\.$/)
    const lines = differences(await state(volume.name), await state(other.name))
    // Times are cut to whole seconds; nothing else is lost of plain files.
    expect(lines.filter(line => !/^changed: .*\n {2}was .*\n {2}is /.test(line))).toEqual([])
  })

  it('refuses what it cannot leave out', async () => {
    await using volume = await makeVolume()
    await inVolume(volume.name, 'echo 1 >/v/a; echo 2 >/v/b')
    await using helper = await inImage('busybox:1', volume.name)
    const { proof } = await read(await archive(helper, volume.name, ['b']))
    expect(proof.failure).toContain('cannot leave files out')
  })
})
