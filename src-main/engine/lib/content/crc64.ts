/** Eight tables of 256, so that eight bytes go in one step. */
interface Tables {
  readonly high: Uint32Array
  readonly low: Uint32Array
}

function tablesOf(polynomialHigh: number, polynomialLow: number): Tables {
  const high = new Uint32Array(8 * 256)
  const low = new Uint32Array(8 * 256)
  for (let index = 0; index < 256; index += 1) {
    let h = 0
    let l = index
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = l & 1
      l = ((l >>> 1) | (h << 31)) >>> 0
      h >>>= 1
      if (carry !== 0) {
        h = (h ^ polynomialHigh) >>> 0
        l = (l ^ polynomialLow) >>> 0
      }
    }
    high[index] = h
    low[index] = l
  }
  for (let table = 1; table < 8; table += 1) {
    for (let index = 0; index < 256; index += 1) {
      const before = (table - 1) * 256 + index
      const h = high[before] ?? 0
      const l = low[before] ?? 0
      const at = l & 0xff
      low[table * 256 + index] = (((l >>> 8) | (h << 24)) ^ (low[at] ?? 0)) >>> 0
      high[table * 256 + index] = ((h >>> 8) ^ (high[at] ?? 0)) >>> 0
    }
  }
  return { high, low }
}

/** Reflected polynomials: Jones's, without inversion, as Redis has it; ECMA-182's, inverted at both ends. */
const kinds = {
  redis: { tables: tablesOf(0x95ac9329, 0xac4bc9b5), inversion: 0 },
  ecma: { tables: tablesOf(0xc96c5795, 0xd7870f42), inversion: 0xffffffff },
} as const

/** CRC-64 as Redis appends it to its files, or (`ecma`) as the archives of mongodump hold it. */
export class Crc64 {
  readonly #tables: Tables
  readonly #inversion: number
  #high: number
  #low: number

  constructor(kind: keyof typeof kinds = 'redis') {
    this.#tables = kinds[kind].tables
    this.#inversion = kinds[kind].inversion
    this.#high = this.#inversion
    this.#low = this.#inversion
  }

  update(bytes: Uint8Array): void {
    const { high, low } = this.#tables
    let h = this.#high
    let l = this.#low
    let at = 0
    const whole = bytes.length - (bytes.length % 8)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (; at < whole; at += 8) {
      const a = l ^ view.getUint32(at, true)
      const b = h ^ view.getUint32(at + 4, true)
      const i0 = 1792 + (a & 0xff)
      const i1 = 1536 + ((a >>> 8) & 0xff)
      const i2 = 1280 + ((a >>> 16) & 0xff)
      const i3 = 1024 + (a >>> 24)
      const i4 = 768 + (b & 0xff)
      const i5 = 512 + ((b >>> 8) & 0xff)
      const i6 = 256 + ((b >>> 16) & 0xff)
      const i7 = b >>> 24
      l = entry(low, i0) ^ entry(low, i1) ^ entry(low, i2) ^ entry(low, i3)
      l = l ^ entry(low, i4) ^ entry(low, i5) ^ entry(low, i6) ^ entry(low, i7)
      h = entry(high, i0) ^ entry(high, i1) ^ entry(high, i2) ^ entry(high, i3)
      h = h ^ entry(high, i4) ^ entry(high, i5) ^ entry(high, i6) ^ entry(high, i7)
    }
    for (; at < bytes.length; at += 1) {
      const index = (l ^ (bytes[at] ?? 0)) & 0xff
      l = ((l >>> 8) | (h << 24)) ^ entry(low, index)
      h = (h >>> 8) ^ entry(high, index)
    }
    this.#high = h >>> 0
    this.#low = l >>> 0
  }

  /** The value as it stands in a file: eight bytes, lowest first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE((this.#low ^ this.#inversion) >>> 0, 0)
    bytes.writeUInt32LE((this.#high ^ this.#inversion) >>> 0, 4)
    return bytes
  }
}

function entry(table: Uint32Array, index: number): number {
  return table[index] ?? 0
}
