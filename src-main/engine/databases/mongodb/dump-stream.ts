import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import { AppError } from '../../../contract/errors.ts'
import type { ProvenStream, SourceProof } from '../../lib/proven-stream.ts'
import { refusedDatabase } from '../tools/refused-database.ts'
import type { Connection } from './connection.ts'

/** Makes the bytes of a dump over a connection of its own. */
export type DumpMaker = (connection: Connection) => AsyncIterable<Buffer>

/**
 * A dump that is made here, of what the server sends. What a dump tool's exit code and checksum prove
 * elsewhere is proved by the protocol: every answer comes whole, with the server's checksum of it, and
 * every cursor says when there is nothing more. Whatever goes wrong ends the stream with a proof that
 * says so.
 */
export function madeHere(connection: Connection, make: DumpMaker): ProvenStream {
  const hash = createHash('sha256')
  let bytes = 0
  let failure: unknown = null
  let settle: (proof: SourceProof) => void = () => undefined
  const proof = new Promise<SourceProof>(resolve => {
    settle = resolve
  })
  async function* produce(): AsyncGenerator<Buffer> {
    let whole = false
    try {
      for await (const chunk of make(connection)) {
        hash.update(chunk)
        bytes += chunk.length
        yield chunk
      }
      whole = true
    } catch (error) {
      failure = error
    } finally {
      await connection.close()
      settle(proofOf(whole, bytes, hash.digest('hex'), failure))
    }
  }
  const stream = Readable.from(produce(), { objectMode: false, highWaterMark: 1024 * 1024 })
  return {
    stream,
    encoding: 'none',
    proof,
    async abort() {
      await connection.close()
      stream.destroy()
      // A stream that nobody has read from yet never started what would settle its proof.
      settle(proofOf(false, bytes, '', 'it was stopped'))
    },
  }
}

function proofOf(whole: boolean, bytes: number, sha256: string, failure: unknown): SourceProof {
  if (whole) {
    return { exitCode: 0, streamBytes: bytes, streamSha256: sha256, stderr: '', warnings: [] }
  }
  const text =
    failure instanceof AppError
      ? `${failure.message} ${failure.details ?? ''}`
      : failure instanceof Error
        ? failure.message
        : 'The dump was stopped.'
  return { exitCode: 1, stderr: text, warnings: [], failure: text }
}

/** What a refused dump of one database rejects with. */
export function refused(database: string, cause: unknown): AppError {
  return refusedDatabase(cause, {
    message: `The database ${database} could not be read.`,
    hint: 'Give the user the role backup, or exclude the database.',
  })
}
