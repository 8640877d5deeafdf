import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import path from 'node:path'
import { pipeline, Readable, Transform } from 'node:stream'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { codeOf } from '../lib/durable.ts'
import { ZstdDecoder } from '../lib/zstd-decoder.ts'
import type { ArtifactRecord } from './manifest.ts'

const chunkBytes = 1024 * 1024

export interface OpenArtifactOptions {
  /** The stored bytes instead of the plain ones: for a reader that decodes by itself. */
  readonly raw?: boolean
  readonly signal?: AbortSignal
}

/** Lets bytes pass and fails at their end when they are not those that the manifest names. */
function verifier(
  what: string,
  expected: { readonly bytes: number; readonly sha256: string },
): Transform {
  const hash = createHash('sha256')
  let bytes = 0
  return new Transform({
    highWaterMark: chunkBytes,
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
    flush(done) {
      if (bytes !== expected.bytes) {
        done(new Error(`${what} has ${bytes} bytes instead of ${expected.bytes}`))
      } else if (hash.digest('hex') !== expected.sha256) {
        done(new Error(`the SHA-256 of ${what} differs from the manifest`))
      } else done()
    },
  })
}

function corrupt(record: ArtifactRecord, file: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const isGone = codeOf(cause) === 'ENOENT'
  return new AppError(
    'stream-corrupt',
    {
      message: isGone
        ? `The archive ${record.path} is missing.`
        : `The archive ${record.path} is damaged: ${why}.`,
      state: NOTHING_CHANGED,
      hint: 'Use another snapshot, or put this file back from a copy of the repository.',
      details: `${file}: ${why}`,
    },
    cause,
  )
}

/**
 * Opens a stored artifact of the snapshot in `folder`. Gives plain bytes (or stored ones with `raw`)
 * and fails at the end with `stream-corrupt`, naming the archive, when a size or a hash differs:
 * nothing may be relied on before the stream has ended well.
 */
export function openArtifact(
  folder: string,
  record: ArtifactRecord,
  options: OpenArtifactOptions = {},
): Readable {
  if (record.encryption !== 'none') {
    throw new AppError('not-supported', {
      message: `The archive ${record.path} is encrypted, which this version cannot open.`,
      state: NOTHING_CHANGED,
      hint: 'Update Lifeboat, or open it with age as its RESTORE.md says.',
    })
  }
  const file = path.join(folder, ...record.path.split('/'))
  return Readable.from(read(file, record, options), {
    objectMode: false,
    highWaterMark: chunkBytes,
  })
}

async function* read(
  file: string,
  record: ArtifactRecord,
  { raw = false, signal }: OpenArtifactOptions,
): AsyncGenerator<Buffer> {
  const decodes = record.codec === 'zstd' && !raw
  const stages = [
    createReadStream(file, { highWaterMark: chunkBytes }),
    verifier('it', record.stored),
    ...(decodes ? [new ZstdDecoder(), verifier('its content', record.plain)] : []),
  ]
  const last = stages.at(-1) as Transform
  pipeline(stages, () => undefined)
  const stop = (): void =>
    void last.destroy(signal?.reason instanceof Error ? signal.reason : undefined)
  signal?.addEventListener('abort', stop)
  try {
    signal?.throwIfAborted()
    for await (const chunk of last) yield chunk as Buffer
    signal?.throwIfAborted()
  } catch (error) {
    if (signal?.aborted === true || error instanceof AppError) throw error
    throw corrupt(record, file, error)
  } finally {
    signal?.removeEventListener('abort', stop)
    last.destroy()
  }
}
