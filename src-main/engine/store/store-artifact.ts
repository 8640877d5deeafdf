import { rm } from 'node:fs/promises'
import path from 'node:path'

import { AppError } from '../../contract/errors.ts'
import { makeFolderIn, syncFolder } from '../lib/durable.ts'
import type { ProvenStream, SourceProof } from '../lib/proven-stream.ts'
import { startExamination } from './examine.ts'
import { examineFile } from './examine-file.ts'
import type { Examination } from './examiner.ts'
import { commandProblem, judge } from './judge.ts'
import { indexPath } from './layout.ts'
import type { ArtifactRecord } from './manifest.ts'
import { receive, type Received } from './receive.ts'
import type { ArtifactSpec } from './snapshot-writer.ts'
import { DiskFailure, onDisk, storageError } from './storage-error.ts'

/** Streams that are not longer are read back without a thread. */
const inlineLimit = 1024 * 1024
/** What is asked for when nobody knows how much will come. */
const minimum = 64 * 1024 * 1024
const proofWaitMs = 30_000
const abortWaitMs = 8_000

/** Resolves with null when the promise takes too long. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>(resolve => {
    timer = setTimeout(() => resolve(null), milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Where an artifact goes. */
export interface ArtifactPlace {
  /** The partial snapshot, which exists. */
  readonly folder: string
  /** Folder of the repository, for messages. */
  readonly repository: string
  /** Below `folder`, with codec suffix. */
  readonly path: string
  /** The same without codec suffix. */
  readonly plain: string
}

/** Stores one stream and proves it: see `SnapshotWriter.addArtifact`. */
export async function storeArtifact(
  place: ArtifactPlace,
  spec: ArtifactSpec,
  source: ProvenStream,
): Promise<ArtifactRecord> {
  const { folder } = place
  const file = path.join(folder, place.path)
  const index = spec.content === 'tar' ? indexPath(place.plain) : null
  const indexFile = index === null ? null : path.join(folder, index)
  // The proof may settle, or fail, at a moment when nobody waits for it.
  source.proof.catch(() => undefined)
  try {
    await onDisk(makeFolderIn(folder, path.dirname(place.path)))
    const { received, examination } = await storeAndReadBack(file, indexFile, spec, source)
    const proof = await settledProof(spec, source)
    const wire = spec.codec === 'zstd' && source.encoding === 'none' ? 'plain' : 'stored'
    const problem = judge({ name: spec.path, wire, received, proof, examination })
    if (problem !== null) throw problem
    await onDisk(syncFolder(path.dirname(file)))
    return recordOf(place.path, index, spec, proof, examination)
  } catch (error) {
    await within(
      abortWaitMs,
      source.abort().catch(() => undefined),
    )
    const why = await explain(error, place.repository, spec, source)
    // On a disk that went away this fails too; what stays is in a partial folder and never listed.
    await rm(file, { force: true }).catch(() => undefined)
    if (indexFile !== null) await rm(indexFile, { force: true }).catch(() => undefined)
    throw why
  }
}

async function storeAndReadBack(
  file: string,
  indexFile: string | null,
  spec: ArtifactSpec,
  source: ProvenStream,
): Promise<{ readonly received: Received; readonly examination: Examination }> {
  const { codec, content } = spec
  const compress = codec === 'zstd' && source.encoding === 'none'
  const sumOf = compress ? 'plain' : 'stored'
  const options = { file, codec, content, indexFile, sumOf } as const
  let seenPlain = 0
  let seenStored = 0
  const tell = (plainBytes: number, storedBytes: number): void => {
    seenPlain = Math.max(seenPlain, plainBytes)
    seenStored = Math.max(seenStored, storedBytes)
    spec.onBytes?.(seenPlain, seenStored)
  }
  const plainIsWire = source.encoding === 'none'
  let running: ReturnType<typeof startExamination> | null = null
  const onProgress = (wireBytes: number, storedBytes: number): void => {
    if (storedBytes > inlineLimit) {
      running ??= startExamination(options, (_, plainBytes) => {
        if (!plainIsWire) tell(plainBytes, seenStored)
      })
      running.grown(storedBytes)
    }
    tell(plainIsWire ? wireBytes : seenPlain, storedBytes)
  }
  // Taken out so that the compiler does not take it for null after the callback has set it.
  const thread = (): ReturnType<typeof startExamination> | null => running
  try {
    const received = await receive({
      file,
      stream: source.stream,
      compress,
      signal: spec.signal,
      onProgress,
    })
    const examination = await onDisk(
      thread()?.finish(received.storedBytes) ??
        examineFile(options, {
          beyond: () => Promise.resolve(received.storedBytes),
          progress: () => undefined,
        }),
    )
    tell(examination.plain.bytes, examination.stored.bytes)
    return { received, examination }
  } catch (error) {
    await thread()?.cancel()
    throw error
  }
}

async function settledProof(spec: ArtifactSpec, source: ProvenStream): Promise<SourceProof> {
  let stop = (): void => undefined
  const cancelled = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('cancelled'))
    spec.signal.addEventListener('abort', stop)
  })
  const proof = await Promise.race([within(proofWaitMs, source.proof), cancelled]).finally(() =>
    spec.signal.removeEventListener('abort', stop),
  )
  if (proof !== null) return proof
  throw new AppError('stream-truncated', {
    message: `The source of ${spec.path} did not say how it ended within ${proofWaitMs / 1000} s.`,
    state:
      'The data of this item was removed again. Snapshots that were complete before are untouched.',
    hint: 'Check that the Docker engine answers, then repeat the backup.',
  })
}

/** The error that tells most: cancelled, the disk's own, the command's exit code, or else the stream's. */
async function explain(
  error: unknown,
  repository: string,
  spec: ArtifactSpec,
  source: ProvenStream,
): Promise<unknown> {
  if (spec.signal.aborted) {
    const { reason } = spec.signal as { readonly reason: unknown }
    if (reason instanceof AppError) return reason
    return new AppError(
      'interrupted',
      {
        message: `Storing ${spec.path} was cancelled.`,
        state: 'Its data was removed again. Snapshots that were complete before are untouched.',
        hint: 'Start the backup again when you want it.',
      },
      error,
    )
  }
  if (error instanceof AppError) return error
  if (error instanceof DiskFailure) {
    return await storageError(error, repository, spec.expectedBytes ?? minimum)
  }
  const proof = await within(
    1000,
    source.proof.catch(() => null),
  )
  const problem = proof === null ? null : commandProblem(spec.path, proof)
  if (problem !== null) return problem
  return new AppError(
    'stream-truncated',
    {
      message: `The stream of ${spec.path} broke off: ${error instanceof Error ? error.message : String(error)}`,
      state: 'Its data was removed again. Snapshots that were complete before are untouched.',
      hint: 'Check the connection to the host, then repeat the backup.',
    },
    error,
  )
}

function recordOf(
  relative: string,
  index: string | null,
  spec: ArtifactSpec,
  proof: SourceProof,
  examination: Examination,
): ArtifactRecord {
  const { plain, stored, inspection } = examination
  const measure = ({ bytes, sha256 }: { readonly bytes: number; readonly sha256: string }) => ({
    bytes,
    sha256,
  })
  return {
    path: relative,
    name: spec.path,
    item: spec.item,
    content: spec.content,
    codec: spec.codec,
    encryption: 'none',
    plain: measure(plain),
    compressed: measure(stored),
    stored: measure(stored),
    entries: inspection.entries,
    index,
    proof: {
      exitCode: proof.exitCode ?? -1,
      streamBytes: proof.streamBytes ?? null,
      streamSha256: proof.streamSha256 ?? null,
      plainBytes: proof.plainBytes ?? null,
    },
    file: null,
    basedOn: [],
  }
}
