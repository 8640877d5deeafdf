import type { FileEntry } from '../../../contract/model.ts'
import { isoFromNanoseconds, nanosecondsFromPax } from '../exact-time.ts'
import { decodePath } from '../path-bytes.ts'
import {
  BLOCK,
  memberType,
  type RawHeader,
  readHeader,
  readOldSparseMap,
  readOldSparseSize,
  readPax,
  type SparsePiece,
} from './tar-header.ts'

/** A member of an archive as it is met. */
export interface TarMember {
  readonly entry: FileEntry
  /** Time of change with all its digits, ISO 8601 UTC; worked out when asked for. */
  modifiedExactly(): string
  /** Bytes that the archive holds for it. */
  readonly storedBytes: number
  /**
   * Where the stored bytes belong in a sparse file; null for a plain one. `in-data`: the map comes
   * first in the stored bytes (GNU sparse 1.0).
   */
  readonly sparse: readonly SparsePiece[] | 'in-data' | null
}

export interface TarHandler {
  /** Returns true when the member's bytes are wanted. */
  onMember(member: TarMember): boolean
  onData?(bytes: Uint8Array): void
  onMemberEnd?(): void
}

type State = 'header' | 'data' | 'meta' | 'skip' | 'sparse-map' | 'tail' | 'broken'
type Pax = Map<string, Uint8Array[]>

/** Names and attributes longer than this are damage, not data. */
const metaLimit = 16 * 1024 * 1024
const zeros = Buffer.alloc(64 * 1024)

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length)
    if (Buffer.compare(part, zeros.subarray(0, part.length)) !== 0) return false
  }
  return true
}

function normal(name: string): string {
  const path = name.replace(/^(?:\.\/+)+/, '').replace(/(.)\/+$/, '$1')
  return path === '' ? '.' : path
}

function isoTime(seconds: number): string {
  const milliseconds = Number.isFinite(seconds) ? Math.round(seconds * 1000) : 0
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, milliseconds))).toISOString()
}

/**
 * Walks a tar archive as its bytes pass (v7, ustar, pax, GNU with long names, base-256 numbers and all
 * sparse forms). Nothing of it is kept but what a header says.
 */
export class TarParser {
  readonly #handler: TarHandler
  #state: State = 'header'
  /** Bytes of the block or record that is being collected. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #remaining = 0
  #padding = 0
  #wanted = false
  #metaFlag = ''
  #global: Pax = new Map()
  #pax: Pax | null = null
  #longName: Uint8Array | null = null
  #longLink: Uint8Array | null = null
  #sparseHeader: RawHeader | null = null
  #sparseSize = 0
  #sparsePieces: SparsePiece[] = []
  #zeroBlocks = 0
  #entries = 0
  #bytes = 0
  #problem: string | null = null

  constructor(handler: TarHandler) {
    this.#handler = handler
  }

  /** Members so far. */
  get entries(): number {
    return this.#entries
  }

  /** What is wrong with the archive as far as it has been seen; null when nothing is. */
  get problem(): string | null {
    return this.#problem
  }

  /** Takes the next bytes; the chunk may be used again afterwards. */
  write(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    let at = 0
    while (at < chunk.length && this.#state !== 'broken') at = this.#step(chunk, at)
  }

  /** What is wrong with the archive now that all bytes have been seen; null when it is whole. */
  finish(): string | null {
    if (this.#problem !== null) return this.#problem
    if (this.#bytes === 0) return 'it is empty'
    if (this.#state !== 'tail') return 'its end-of-archive blocks are missing'
    if (this.#bytes % BLOCK !== 0) return 'it ends in the middle of a block'
    return null
  }

  #fail(problem: string): void {
    this.#problem = problem
    this.#state = 'broken'
  }

  /** Takes what the state needs from the chunk at `at`; returns where to go on. */
  #step(chunk: Uint8Array, at: number): number {
    if (this.#state === 'data' || this.#state === 'skip') return this.#pass(chunk, at)
    if (this.#state === 'tail') {
      if (!isZero(chunk.subarray(at))) this.#fail('data follows its end')
      return chunk.length
    }
    const need = this.#state === 'meta' ? this.#remaining + this.#padding : BLOCK
    if (this.#heldBytes === 0 && chunk.length - at >= need) {
      this.#block(chunk.subarray(at, at + need))
      return at + need
    }
    const take = Math.min(need - this.#heldBytes, chunk.length - at)
    this.#held.push(Buffer.from(chunk.subarray(at, at + take)))
    this.#heldBytes += take
    if (this.#heldBytes === need) {
      const block = Buffer.concat(this.#held)
      this.#held = []
      this.#heldBytes = 0
      this.#block(block)
    }
    return at + take
  }

  #pass(chunk: Uint8Array, at: number): number {
    const take = Math.min(this.#remaining, chunk.length - at)
    if (take > 0 && this.#state === 'data' && this.#wanted) {
      this.#handler.onData?.(chunk.subarray(at, at + take))
    }
    this.#remaining -= take
    if (this.#remaining > 0) return at + take
    if (this.#state === 'data') {
      if (this.#wanted) this.#handler.onMemberEnd?.()
      this.#remaining = this.#padding
      this.#state = this.#padding > 0 ? 'skip' : 'header'
    } else {
      this.#state = 'header'
    }
    return at + take
  }

  #block(block: Uint8Array): void {
    if (this.#state === 'meta') this.#meta(block.subarray(0, this.#remaining))
    else if (this.#state === 'sparse-map') this.#sparseExtension(block)
    else if (block[0] === 0 && isZero(block)) this.#zeroBlock()
    else this.#header(block)
  }

  #zeroBlock(): void {
    this.#zeroBlocks += 1
    if (this.#zeroBlocks === 2) this.#state = 'tail'
  }

  #header(block: Uint8Array): void {
    if (this.#zeroBlocks > 0) return this.#fail('data follows its end')
    const header = readHeader(block)
    if (header === null) return this.#fail(`header ${this.#entries + 1} is damaged`)
    if (['x', 'g', 'L', 'K', 'X', 'A', 'V'].includes(header.flag)) {
      if (header.size > metaLimit) return this.#fail(`header ${this.#entries + 1} is damaged`)
      this.#metaFlag = header.flag
      this.#remaining = header.size
      this.#padding = (BLOCK - (header.size % BLOCK)) % BLOCK
      if (header.size > 0) this.#state = 'meta'
      return
    }
    if (header.flag !== 'S') return this.#member(header, null, null)
    this.#sparseHeader = {
      ...header,
      name: Buffer.from(header.name),
      linkName: Buffer.from(header.linkName),
    }
    this.#sparseSize = readOldSparseSize(block)
    this.#sparsePieces = readOldSparseMap(block, 386, 4)
    if (block[482] === 0) this.#oldSparse()
    else this.#state = 'sparse-map'
  }

  #sparseExtension(block: Uint8Array): void {
    this.#sparsePieces.push(...readOldSparseMap(block, 0, 21))
    if (block[504] === 0) this.#oldSparse()
  }

  #oldSparse(): void {
    if (this.#sparseHeader) this.#member(this.#sparseHeader, this.#sparsePieces, this.#sparseSize)
    this.#sparsePieces = []
  }

  #meta(data: Uint8Array): void {
    this.#state = 'header'
    switch (this.#metaFlag) {
      case 'L':
        this.#longName = withoutNul(data)
        return
      case 'K':
        this.#longLink = withoutNul(data)
        return
      case 'x':
      case 'g': {
        const records = readPax(data)
        if (records === null)
          return this.#fail(`the pax header of member ${this.#entries + 1} is damaged`)
        if (this.#metaFlag === 'x') this.#pax = records
        else this.#global = new Map([...this.#global, ...records])
      }
    }
  }

  #paxText(key: string): string | null {
    const value = this.#paxBytes(key)
    return value === null ? null : Buffer.from(value).toString('latin1')
  }

  #paxBytes(key: string): Uint8Array | null {
    return this.#pax?.get(key)?.at(-1) ?? this.#global.get(key)?.at(-1) ?? null
  }

  #paxNumber(key: string, otherwise: number): number {
    const value = this.#paxText(key)
    if (value === null || value === '') return otherwise
    const parsed = Number(value)
    if (!Number.isFinite(parsed))
      this.#fail(`the pax header of member ${this.#entries + 1} is damaged`)
    return parsed
  }

  #member(header: RawHeader, oldSparse: SparsePiece[] | null, oldSize: number | null): void {
    const type = memberType(header.flag)
    if (type === null) return this.#fail(`member ${this.#entries + 1} is of an unknown kind`)
    const stored = this.#paxNumber('size', header.size)
    if (!Number.isSafeInteger(stored) || stored < 0) {
      return this.#fail(`header ${this.#entries + 1} is damaged`)
    }
    const sparse = oldSparse ?? this.#paxSparse()
    const name =
      this.#paxBytes('GNU.sparse.name') ?? this.#paxBytes('path') ?? this.#longName ?? header.name
    const link = this.#paxBytes('linkpath') ?? this.#longLink ?? header.linkName
    const isLink = type === 'hardlink' || type === 'symlink'
    const realSize =
      oldSize ?? this.#paxNumber('GNU.sparse.realsize', this.#paxNumber('GNU.sparse.size', stored))
    const linkTarget = decodePath(link)
    const entry: FileEntry = {
      path: normal(decodePath(name)),
      type,
      sizeBytes: type === 'file' ? realSize : 0,
      mode: header.mode & 0o7777,
      uid: this.#paxNumber('uid', header.uid),
      gid: this.#paxNumber('gid', header.gid),
      modified: isoTime(this.#paxNumber('mtime', header.modified)),
      linkTarget: isLink ? (type === 'hardlink' ? normal(linkTarget) : linkTarget) : null,
    }
    const paxTime = this.#paxText('mtime') ?? String(Math.trunc(header.modified))
    const modifiedExactly = (): string => {
      const exact = nanosecondsFromPax(paxTime)
      return exact === null ? entry.modified : isoFromNanoseconds(exact)
    }
    this.#pax = null
    this.#longName = null
    this.#longLink = null
    this.#sparseHeader = null
    if (this.#problem !== null) return
    // The size of a hard link is that of its file: no bytes follow (as GNU tar reads it).
    const storedBytes = type === 'hardlink' ? 0 : stored
    this.#begin({ entry, modifiedExactly, storedBytes, sparse })
  }

  #paxSparse(): SparsePiece[] | 'in-data' | null {
    if (this.#paxText('GNU.sparse.major') === '1') return 'in-data'
    const map = this.#paxText('GNU.sparse.map')
    const numbers =
      map === null
        ? sparseRecords(this.#pax?.get('GNU.sparse.offset'), this.#pax?.get('GNU.sparse.numbytes'))
        : map.split(',').map(Number)
    if (numbers === null) return null
    const pieces: SparsePiece[] = []
    for (let index = 0; index + 1 < numbers.length; index += 2) {
      pieces.push({ offset: numbers[index] ?? 0, length: numbers[index + 1] ?? 0 })
    }
    return pieces
  }

  #begin(member: TarMember): void {
    this.#entries += 1
    this.#wanted = this.#handler.onMember(member)
    this.#remaining = member.storedBytes
    this.#padding = (BLOCK - (member.storedBytes % BLOCK)) % BLOCK
    if (this.#remaining > 0) {
      this.#state = 'data'
      return
    }
    this.#state = 'header'
    if (this.#wanted) this.#handler.onMemberEnd?.()
  }
}

function withoutNul(data: Uint8Array): Uint8Array {
  const end = data.indexOf(0)
  return Buffer.from(data.subarray(0, end === -1 ? data.length : end))
}

/** GNU sparse 0.0: offsets and lengths as repeated records. */
function sparseRecords(offsets?: Uint8Array[], lengths?: Uint8Array[]): number[] | null {
  if (!offsets || !lengths) return null
  return offsets.flatMap((offset, index) => [
    Number(Buffer.from(offset).toString('latin1')),
    Number(Buffer.from(lengths[index] ?? new Uint8Array(0)).toString('latin1')),
  ])
}
