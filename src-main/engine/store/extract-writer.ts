import { type FileHandle, open } from 'node:fs/promises'

import type { SparsePiece } from '../lib/tar/tar-header.ts'
import type { TarMember } from '../lib/tar/tar-parser.ts'

/** Bytes that a sparse map in front of the data may have. */
const mapLimit = 64 * 1024 * 1024

/** What has to be known of a file to write it. */
export type FileMember = Pick<TarMember, 'entry' | 'sparse'>

/** Writes one file of an archive, with the holes of a sparse one. */
export class MemberFile {
  readonly #handle: FileHandle
  readonly #size: number
  #pieces: SparsePiece[] | null
  #map: Buffer | null
  #position = 0
  #piece = 0
  #inPiece = 0

  private constructor(handle: FileHandle, member: FileMember) {
    this.#handle = handle
    this.#size = member.entry.sizeBytes
    this.#map = member.sparse === 'in-data' ? Buffer.alloc(0) : null
    this.#pieces = member.sparse === null || member.sparse === 'in-data' ? null : [...member.sparse]
  }

  /** Creates the file; fails with EEXIST when there is one of that name. */
  static async create(file: string | Buffer, member: FileMember): Promise<MemberFile> {
    return new MemberFile(await open(file, 'wx', 0o600), member)
  }

  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    if (this.#map !== null) {
      this.#map = Buffer.concat([this.#map, bytes])
      const parsed = parseMap(this.#map)
      if (parsed === null) return
      rest = this.#map.subarray(parsed.length)
      this.#pieces = parsed.pieces
      this.#map = null
    }
    if (this.#pieces === null) await this.#put(rest, this.#position)
    else await this.#putPieces(rest, this.#pieces)
  }

  async #put(bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, position + at)
      at += bytesWritten
    }
    this.#position = position + bytes.length
  }

  async #putPieces(bytes: Uint8Array, pieces: readonly SparsePiece[]): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const piece = pieces[this.#piece]
      if (piece === undefined) return
      const take = Math.min(piece.length - this.#inPiece, bytes.length - at)
      await this.#put(bytes.subarray(at, at + take), piece.offset + this.#inPiece)
      at += take
      this.#inPiece += take
      if (this.#inPiece < piece.length) continue
      this.#piece += 1
      this.#inPiece = 0
    }
  }

  /** Sets size, permissions and time, and closes. */
  async finish(mode: number, modified: Date): Promise<void> {
    await this.#handle.truncate(this.#size)
    await this.#handle.chmod(mode & 0o777)
    await this.#handle.utimes(modified, modified)
    await this.#handle.close()
  }

  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
  }
}

/** The map of GNU sparse 1.0: decimal numbers, one a line, filled up to a block; null while it is not all there. */
function parseMap(
  bytes: Buffer,
): { readonly pieces: SparsePiece[]; readonly length: number } | null {
  if (bytes.length > mapLimit) throw new Error('the map of a sparse file is damaged')
  let at = 0
  const next = (): number | null => {
    const end = bytes.indexOf(0x0a, at)
    if (end === -1) return null
    const value = Number(bytes.toString('latin1', at, end))
    if (!Number.isSafeInteger(value) || value < 0)
      throw new Error('the map of a sparse file is damaged')
    at = end + 1
    return value
  }
  const count = next()
  if (count === null) return null
  const pieces: SparsePiece[] = []
  for (let index = 0; index < count; index += 1) {
    const offset = next()
    const length = next()
    if (offset === null || length === null) return null
    pieces.push({ offset, length })
  }
  const length = Math.ceil(at / 512) * 512
  return bytes.length < length ? null : { pieces, length }
}
