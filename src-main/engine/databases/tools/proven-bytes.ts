import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import type { ProvenStream } from '../../lib/proven-stream.ts'

/** A small text or file that a database server has handed over, with the SHA-256 that the server made of it. */
export function provenBytes(content: Buffer, sha256AtSource: string): ProvenStream {
  const same = createHash('sha256').update(content).digest('hex') === sha256AtSource
  return {
    stream: Readable.from([content], { objectMode: false }),
    encoding: 'none',
    proof: Promise.resolve({
      exitCode: 0,
      streamBytes: content.length,
      streamSha256: sha256AtSource,
      stderr: '',
      warnings: [],
      ...(same ? {} : { failure: 'The checksum from the server does not fit what arrived.' }),
    }),
    abort: () => Promise.resolve(),
  }
}
