import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'

import { ArtifactFile } from './artifact-file.ts'
import { Batcher } from './batcher.ts'
import { Compressor } from './compressor.ts'

/** What arrived from the source. */
export interface Received {
  /** On the wire, as it came. */
  readonly bytes: number
  readonly crc32: number
  /** In the file. */
  readonly storedBytes: number
}

export interface ReceiveOptions {
  readonly file: string
  readonly stream: Readable
  /** Compress here; otherwise the bytes are stored as they come. */
  readonly compress: boolean
  readonly signal: AbortSignal
  /** Bytes on the wire, and bytes that can be read back from the file. */
  onProgress(wireBytes: number, storedBytes: number): void
}

/** Stores a stream in a new file, counted and summed, flushed to the disk at the end. */
export async function receive(options: ReceiveOptions): Promise<Received> {
  const { stream, signal, onProgress } = options
  const file = await ArtifactFile.create(options.file)
  let bytes = 0
  let sum = 0
  const store = async (batch: Buffer): Promise<void> => {
    await file.write(batch)
    onProgress(bytes, file.bytes)
  }
  const output = options.compress ? new Batcher(store) : null
  const compressor = output === null ? null : new Compressor(chunk => output.add(chunk))
  const input = new Batcher(async batch => {
    sum = crc32(batch, sum)
    bytes += batch.length
    if (compressor === null) {
      await store(batch)
    } else {
      await compressor.write(batch)
      onProgress(bytes, file.bytes)
    }
  })
  const stop = (): void => void stream.destroy(abortError(signal))
  try {
    if (signal.aborted) throw abortError(signal)
    signal.addEventListener('abort', stop)
    for await (const chunk of stream) await input.add(chunk as Uint8Array)
    await input.end()
    await compressor?.end()
    await output?.end()
    await file.finish()
    return { bytes, crc32: sum, storedBytes: file.bytes }
  } catch (error) {
    stream.destroy()
    compressor?.abandon()
    await file.abandon()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted')
}
