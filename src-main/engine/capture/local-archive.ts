import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'

import type { Pack } from 'tar-stream'
import { pack } from 'tar-stream'

import type { ArchiveProof, VolumeArchive } from './volume-archive.ts'

const CHUNK = 256 * 1024

type Headers = Parameters<Pack['entry']>[0]

interface Walk {
  readonly root: string
  readonly leaveOut: ReadonlySet<string>
  readonly archive: Pack
  readonly links: Map<string, string>
  readonly unsteady: string[]
  readonly skipped: string[]
  readonly signal: AbortSignal
}

/**
 * Packs a folder (or one file) of this computer without any tool, where there is no GNU tar. Keeps owners,
 * modes, times, links, FIFOs and devices; sparse files become full, extended attributes and ACLs are not kept.
 */
export function archiveLocally(input: {
  readonly root: string
  readonly fileName: string | null
  readonly leaveOut: readonly string[]
  readonly signal: AbortSignal
}): VolumeArchive {
  const stop = new AbortController()
  const signal = AbortSignal.any([input.signal, stop.signal])
  const archive = pack()
  const walk: Walk = {
    root: input.root,
    leaveOut: new Set(input.leaveOut),
    archive,
    links: new Map(),
    unsteady: [],
    skipped: [],
    signal,
  }
  const hash = createHash('sha256')
  let bytes = 0
  async function* metered(): AsyncGenerator<Buffer> {
    for await (const chunk of archive as unknown as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  const stream = Readable.from(metered(), { objectMode: false, highWaterMark: 1024 * 1024 })
  const ended = new Promise(resolve => stream.once('close', resolve))
  const walked = everything(walk, input.fileName).then(
    () => null,
    (error: unknown) => {
      archive.destroy()
      return error instanceof Error ? error.message : String(error)
    },
  )
  async function proof(): Promise<ArchiveProof> {
    const failure = await walked
    await ended
    const common = {
      exitCode: failure === null ? 0 : 1,
      stderr: failure ?? '',
      warnings: warningsOf(walk),
      unsteadyFiles: walk.unsteady.length,
    }
    return failure === null
      ? { ...common, streamBytes: bytes, streamSha256: hash.digest('hex') }
      : { ...common, failure }
  }
  return {
    stream,
    encoding: 'none',
    proof: proof(),
    async abort() {
      stop.abort()
      stream.destroy()
      await walked
    },
  }
}

async function everything(walk: Walk, fileName: string | null): Promise<void> {
  const top = await lstat(walk.root, { bigint: true })
  if (top.isDirectory()) await folder(walk, '.', top)
  else await member(walk, `./${fileName ?? path.basename(walk.root)}`, walk.root, top)
  walk.archive.finalize()
}

async function folder(walk: Walk, inside: string, info: BigIntStats): Promise<void> {
  walk.signal.throwIfAborted()
  await header(walk.archive, { ...metaOf(`${inside}/`, info), type: 'directory', size: 0 })
  const names = await readdir(path.join(walk.root, inside)).catch(vanished)
  for (const name of (names ?? []).toSorted()) {
    const child = `${inside}/${name}`
    if (walk.leaveOut.has(child.slice(2))) continue
    const full = path.join(walk.root, child)
    const found = await lstat(full, { bigint: true }).catch(vanished)
    // What a restore puts at the top while it works is never packed.
    if (inside === '.' && name.startsWith('.lifeboat-') && found?.isDirectory() === true) continue
    if (found === null) walk.unsteady.push(child)
    else if (found.isDirectory()) await folder(walk, child, found)
    else await member(walk, child, full, found)
  }
}

async function member(walk: Walk, name: string, full: string, info: BigIntStats): Promise<void> {
  walk.signal.throwIfAborted()
  const meta = metaOf(name, info)
  if (info.isSymbolicLink()) {
    const linkname = await readlink(full).catch(vanished)
    if (linkname === null) walk.unsteady.push(name)
    else await header(walk.archive, { ...meta, type: 'symlink', linkname, size: 0 })
    return
  }
  if (info.isSocket()) {
    walk.skipped.push(name)
    return
  }
  if (info.isFIFO()) return header(walk.archive, { ...meta, type: 'fifo', size: 0 })
  if (info.isCharacterDevice() || info.isBlockDevice()) {
    const type = info.isBlockDevice() ? 'block-device' : 'character-device'
    return header(walk.archive, { ...meta, type, size: 0, ...deviceOf(info) })
  }
  const identity = `${info.dev}:${info.ino}`
  const first = info.nlink > 1n ? walk.links.get(identity) : undefined
  if (first !== undefined) {
    return header(walk.archive, { ...meta, type: 'link', linkname: first, size: 0 })
  }
  if (await file(walk, meta, full)) walk.links.set(identity, name)
}

/** Packs a file's content: as many bytes as its header says, whatever happens to it meanwhile. */
async function file(walk: Walk, meta: Headers, full: string): Promise<boolean> {
  const handle = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW).catch(vanished)
  if (handle === null) {
    walk.unsteady.push(meta.name)
    return false
  }
  try {
    const before = await handle.stat({ bigint: true })
    const size = Number(before.size)
    const settle = Promise.withResolvers<undefined>()
    settle.promise.catch(() => undefined)
    const entry = walk.archive.entry({ ...meta, type: 'file', size }, error => {
      if (error) settle.reject(error)
      else settle.resolve(undefined)
    })
    let left = size
    while (left > 0) {
      walk.signal.throwIfAborted()
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, left))
      const { bytesRead } = await handle.read(buffer)
      if (bytesRead === 0) buffer.fill(0)
      const piece = bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead)
      left -= piece.length
      if (!entry.write(piece)) await Promise.race([once(entry, 'drain'), settle.promise])
    }
    entry.end(null)
    await settle.promise
    const after = await handle.stat({ bigint: true })
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs)
      walk.unsteady.push(meta.name)
    return true
  } finally {
    await handle.close()
  }
}

function header(archive: Pack, headers: Headers): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(headers, error => {
      if (error) reject(error)
      else resolve()
    })
  })
}

function metaOf(name: string, info: BigIntStats): Headers {
  const seconds = info.mtimeNs / 1_000_000_000n
  const rest = info.mtimeNs % 1_000_000_000n
  const whole = rest < 0n ? seconds - 1n : seconds
  const nanoseconds = rest < 0n ? rest + 1_000_000_000n : rest
  return {
    name,
    // With the bits of the type: tar-stream takes a bare 0 for "not given". It cuts them off itself.
    mode: Number(info.mode),
    uid: Number(info.uid),
    gid: Number(info.gid),
    // The old header has no room for times before 1970 or after 2038, nor for large owners: pax has.
    mtime: new Date(Math.min(Math.max(Number(whole), 0), 0x7fffffff) * 1000),
    pax: {
      mtime: paxTime(whole, nanoseconds),
      ...(info.uid > 0o777777n ? { uid: String(info.uid) } : {}),
      ...(info.gid > 0o777777n ? { gid: String(info.gid) } : {}),
    },
  }
}

/** Seconds with a fraction; before 1970 the fraction counts down from zero, as pax has it. */
function paxTime(whole: bigint, nanoseconds: bigint): string {
  if (nanoseconds === 0n) return String(whole)
  if (whole >= 0n) return `${whole}.${String(nanoseconds).padStart(9, '0')}`
  const fraction = String(1_000_000_000n - nanoseconds).padStart(9, '0')
  return `-${-(whole + 1n)}.${fraction}`
}

function deviceOf(info: BigIntStats): { readonly devmajor: number; readonly devminor: number } {
  const device = info.rdev
  return {
    devmajor: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    devminor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn)),
  }
}

function vanished(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
  throw error
}

function warningsOf({ unsteady, skipped }: Walk): readonly string[] {
  const warnings: string[] = [
    'Packed without GNU tar: sparse files were stored full; extended attributes and ACLs were not kept.',
  ]
  if (unsteady.length > 0) {
    warnings.push(`Changed or vanished while being read: ${list(unsteady)}.`)
  }
  if (skipped.length > 0) {
    warnings.push(`Sockets were left out, they hold no data: ${list(skipped)}.`)
  }
  return warnings
}

function list(names: readonly string[]): string {
  const more = names.length - 5
  const shown = names.slice(0, 5).map(name => name.replace(/^\.\//, ''))
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
