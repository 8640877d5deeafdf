/** CRC-32C (Castagnoli), which MongoDB puts behind its messages: four tables, four bytes a step. */
const tables = new Uint32Array(4 * 256)
for (let index = 0; index < 256; index += 1) {
  let value = index
  for (let bit = 0; bit < 8; bit += 1) {
    value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0x82f63b78
  }
  tables[index] = value
}
for (let at = 256; at < tables.length; at += 1) {
  const before = tables[at - 256] ?? 0
  tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0)
}

/** Goes on from `before`, the checksum of what came earlier. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entry = (index: number): number => tables[index] ?? 0
  let crc = ~before
  let at = 0
  for (const whole = bytes.length - (bytes.length % 4); at < whole; at += 4) {
    crc ^= view.getUint32(at, true)
    crc =
      entry(768 + (crc & 0xff)) ^
      entry(512 + ((crc >>> 8) & 0xff)) ^
      entry(256 + ((crc >>> 16) & 0xff)) ^
      entry(crc >>> 24)
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ entry((crc ^ (bytes[at] ?? 0)) & 0xff)
  return ~crc >>> 0
}
