import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

import type { ProvenStream } from '../../lib/proven-stream.ts'

const CHUNK_BYTES = 1024 * 1024

/** A file of this computer as a proven stream: measured in a first pass, so that the second is compared. */
export async function provenFile(path: string): Promise<ProvenStream> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, {
    highWaterMark: CHUNK_BYTES,
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES })
  return {
    stream,
    encoding: 'none',
    proof: Promise.resolve({
      exitCode: 0,
      streamBytes: bytes,
      streamSha256: hash.digest('hex'),
      stderr: '',
      warnings: [],
    }),
    abort: () => {
      stream.destroy()
      return Promise.resolve()
    },
  }
}
