import { crc32c } from './crc32c.ts'
import { BsonDamage } from './raw-bson.ts'

/** OP_MSG of MongoDB's wire protocol (its manual, "Wire Protocol"). */
const OP_MSG = 2013
const HEADER_BYTES = 16
const CHECKSUM_PRESENT = 1
/** The server's own limit for one message. */
const MESSAGE_LIMIT = 48_000_000 + 16_384

/** Documents that go beside a command's own, as its field `name`. */
export interface DocumentSequence {
  readonly name: string
  readonly documents: readonly Uint8Array[]
}

/** A message in the pieces that are written one after the other, with its checksum at the end. */
export function encodeMessage(
  requestId: number,
  body: Uint8Array,
  sequence?: DocumentSequence,
): readonly Uint8Array[] {
  const head = Buffer.alloc(HEADER_BYTES + 5)
  const pieces: Uint8Array[] = [head, body]
  if (sequence !== undefined) {
    const name = Buffer.from(`${sequence.name}\0`)
    const size = sequence.documents.reduce((sum, each) => sum + each.length, 4 + name.length)
    const start = Buffer.alloc(5)
    start[0] = 1
    start.writeInt32LE(size, 1)
    pieces.push(start, name, ...sequence.documents)
  }
  const length = pieces.reduce((sum, piece) => sum + piece.length, 4)
  head.writeInt32LE(length, 0)
  head.writeInt32LE(requestId, 4)
  head.writeInt32LE(OP_MSG, 12)
  head.writeUInt32LE(CHECKSUM_PRESENT, HEADER_BYTES)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(pieces.reduce((crc, piece) => crc32c(piece, crc), 0))
  return [...pieces, checksum]
}

/** An answer of the server. */
export interface WireReply {
  /** The request that it answers. */
  readonly responseTo: number
  readonly body: Buffer
  /** True when the server put a checksum behind it, which fits. */
  readonly proved: boolean
}

/** Takes a message apart that is whole. Throws `BsonDamage` when it is not what the server sent. */
export function decodeMessage(message: Buffer): WireReply {
  if (message.length < HEADER_BYTES + 10 || message.readInt32LE(12) !== OP_MSG) {
    throw new BsonDamage()
  }
  const proved = (message.readUInt32LE(HEADER_BYTES) & CHECKSUM_PRESENT) !== 0
  const end = message.length - (proved ? 4 : 0)
  if (proved && crc32c(message.subarray(0, end)) !== message.readUInt32LE(end)) {
    throw new BsonDamage()
  }
  const at = HEADER_BYTES + 5
  if (message[at - 1] !== 0 || message.readInt32LE(at) !== end - at) throw new BsonDamage()
  return { responseTo: message.readInt32LE(8), body: message.subarray(at, end), proved }
}

/** Cuts a stream of bytes into messages. */
export class MessageCutter {
  #chunks: Buffer[] = []
  #bytes = 0
  #wanted = 4

  /** Messages that are whole now. Throws `BsonDamage` on a length that cannot be. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const messages: Buffer[] = []
    while (this.#bytes >= this.#wanted) {
      const all =
        this.#chunks.length === 1 ? (this.#chunks[0] ?? chunk) : Buffer.concat(this.#chunks)
      const length = all.readInt32LE(0)
      if (length < HEADER_BYTES || length > MESSAGE_LIMIT) throw new BsonDamage()
      this.#wanted = length
      this.#chunks = [all]
      if (all.length < length) break
      messages.push(all.subarray(0, length))
      const rest = all.subarray(length)
      this.#chunks = rest.length === 0 ? [] : [rest]
      this.#bytes = rest.length
      this.#wanted = 4
    }
    return messages
  }
}
