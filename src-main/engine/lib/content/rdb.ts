import type { InspectionResult, InspectorFactory } from './content.ts'
import { Crc64 } from './crc64.ts'
import { Head, Tail } from './tail.ts'

const endOpcode = 0xff
const trailer = 8

/**
 * A database file of Redis or Valkey: `REDIS` (or `VALKEY`) and a version in front, the end opcode and a CRC-64 over everything
 * before it at the end. A server with `rdbchecksum no` writes zeros instead.
 */
export const inspectRdb: InspectorFactory = () => {
  const head = new Head(9)
  const tail = new Tail(trailer + 1)
  const crc = new Crc64()
  /** The last bytes, which may be the checksum and are then not part of it. */
  let held: Buffer = Buffer.alloc(0)
  let bytes = 0

  return {
    write: chunk => {
      head.write(chunk)
      tail.write(chunk)
      bytes += chunk.length
      const ready = held.length + chunk.length - trailer
      if (ready <= 0) {
        held = Buffer.concat([held, chunk])
        return
      }
      const fromHeld = Math.min(held.length, ready)
      crc.update(held.subarray(0, fromHeld))
      crc.update(chunk.subarray(0, ready - fromHeld))
      held = Buffer.concat([held.subarray(fromHeld), chunk.subarray(ready - fromHeld)])
    },
    finish: (): InspectionResult => {
      const problem = problemOf(head.bytes, tail.bytes, bytes, crc)
      return { complete: problem === null, problem, entries: null }
    },
  }
}

function problemOf(head: Buffer, tail: Buffer, bytes: number, crc: Crc64): string | null {
  if (!/^(?:REDIS\d{4}|VALKEY\d{3})/.test(head.toString('latin1')))
    return 'it does not begin with REDIS'
  if (bytes < 9 + 1 + trailer || tail[0] !== endOpcode) return 'its end mark is missing'
  const stored = tail.subarray(1)
  const isOff = stored.every(byte => byte === 0)
  return isOff || stored.equals(crc.digest()) ? null : 'its checksum is wrong'
}
