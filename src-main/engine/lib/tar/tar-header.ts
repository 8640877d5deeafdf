import type { FileEntry } from '../../../contract/model.ts'

export const BLOCK = 512

export type TarType = FileEntry['type']

/** The raw numbers and names of one header block. */
export interface RawHeader {
  /** Type flag as a character; NUL is read as `0`. */
  readonly flag: string
  readonly name: Uint8Array
  readonly linkName: Uint8Array
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Seconds. */
  readonly modified: number
}

const typeOf: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  D: 'directory',
  '6': 'fifo',
}

/** The kind of member that a type flag stands for, or null for one that is not known. */
export function memberType(flag: string): TarType | null {
  return typeOf[flag] ?? null
}

function text(block: Uint8Array, start: number, length: number): Uint8Array {
  const field = block.subarray(start, start + length)
  const end = field.indexOf(0)
  return end === -1 ? field : field.subarray(0, end)
}

/** Octal digits, or base-256 (GNU) for what does not fit; null when it is neither. */
function number(block: Uint8Array, start: number, length: number): number | null {
  const first = block[start] ?? 0
  if (first === 0x80 || first === 0xff) return base256(block, start, length, first === 0xff)
  let value = 0
  let digits = 0
  for (let at = start; at < start + length; at += 1) {
    const byte = block[at] ?? 0
    if (byte === 0x20 && digits === 0) continue
    if (byte === 0 || byte === 0x20) break
    if (byte < 0x30 || byte > 0x37) return null
    value = value * 8 + byte - 0x30
    digits += 1
  }
  return value
}

function base256(
  block: Uint8Array,
  start: number,
  length: number,
  negative: boolean,
): number | null {
  let value = 0n
  for (let at = start; at < start + length; at += 1) {
    const byte = at === start ? (negative ? 0xff : 0) : (block[at] ?? 0)
    value = (value << 8n) | BigInt(byte)
  }
  const signed = negative ? BigInt.asIntN(length * 8, value) : value
  const result = Number(signed)
  return Number.isSafeInteger(result) ? result : null
}

function checksumOk(block: Uint8Array): boolean {
  let unsigned = 8 * 0x20
  let signed = unsigned
  for (let at = 0; at < BLOCK; at += 1) {
    if (at >= 148 && at < 156) continue
    const byte = block[at] ?? 0
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  const expected = number(block, 148, 8)
  return expected === unsigned || expected === signed
}

/** Reads a header block (v7, ustar, pax, GNU); null when its checksum or a number is wrong. */
export function readHeader(block: Uint8Array): RawHeader | null {
  if (!checksumOk(block)) return null
  const size = number(block, 124, 12)
  const mode = number(block, 100, 8)
  const uid = number(block, 108, 8)
  const gid = number(block, 116, 8)
  const modified = number(block, 136, 12)
  if (size === null || size < 0 || mode === null) return null
  if (uid === null || gid === null || modified === null) return null
  // 'ustar\0' has a prefix field for long names; GNU's 'ustar ' uses those bytes for other things.
  const isPosix = block[257] === 0x75 && block[261] === 0x72 && block[262] === 0
  const name = text(block, 0, 100)
  const prefix = isPosix ? text(block, 345, 155) : new Uint8Array(0)
  const flag = block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0x30)
  return {
    flag,
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    linkName: text(block, 157, 100),
    size,
    mode,
    uid,
    gid,
    modified,
  }
}

/** A piece of a sparse file that is stored. */
export interface SparsePiece {
  readonly offset: number
  readonly length: number
}

/** The map in a GNU `S` header (`start` 386, 4 places) or in one of its extension blocks (0, 21 places). */
export function readOldSparseMap(block: Uint8Array, start: number, places: number): SparsePiece[] {
  const pieces: SparsePiece[] = []
  for (let index = 0; index < places; index += 1) {
    const offset = number(block, start + index * 24, 12)
    const length = number(block, start + index * 24 + 12, 12)
    if (offset === null || length === null || block[start + index * 24] === 0) break
    pieces.push({ offset, length })
  }
  return pieces
}

/** Full size of the file of a GNU `S` header. */
export function readOldSparseSize(block: Uint8Array): number {
  return number(block, 483, 12) ?? 0
}

/** Records of a pax header: key → value bytes; null when the header is damaged. */
export function readPax(data: Uint8Array): Map<string, Uint8Array[]> | null {
  const records = new Map<string, Uint8Array[]>()
  let at = 0
  while (at < data.length && data[at] !== 0) {
    let length = 0
    let digits = at
    for (; data[digits] !== 0x20; digits += 1) {
      const digit = (data[digits] ?? 0) - 0x30
      if (digit < 0 || digit > 9) return null
      length = length * 10 + digit
    }
    const end = at + length
    if (length < 5 || end > data.length || data[end - 1] !== 0x0a) return null
    const equals = data.indexOf(0x3d, digits)
    if (equals === -1 || equals >= end) return null
    const key = Buffer.from(data.subarray(digits + 1, equals)).toString('utf8')
    const values = records.get(key) ?? []
    // Copied: the bytes that are passed in are used again (and Buffer's own slice copies nothing).
    values.push(Buffer.from(data.subarray(equals + 1, end - 1)))
    records.set(key, values)
    at = end
  }
  return records
}
