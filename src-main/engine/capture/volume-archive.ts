import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { HelperTools } from '../hosts/helper.ts'
import type { CommandPlace, CommandResult } from '../lib/command.ts'
import type { ProvenStream, SourceProof } from '../lib/proven-stream.ts'
import { archiveScript, busyboxPattern, renameExpression } from './archive-script.ts'
import type { TarMessages } from './tar-messages.ts'
import { tarMessages } from './tar-messages.ts'

/** How hard the source compresses. */
export interface Compression {
  /** zstd level, 1 … 19. */
  readonly level: number
  /** zstd worker threads; 0 for one per core. */
  readonly threads: number
}

/** Level 1 leaves the server most of its processor; a thread for each core. */
export const defaultCompression: Compression = { level: 1, threads: 0 }

/** What the archive is made of. */
export interface ArchiveInput {
  readonly place: CommandPlace
  readonly tools: HelperTools
  /** Absolute path of the folder (or single file) in the place. */
  readonly root: string
  /** Name of a single file inside the archive; ignored for folders. Null: as it is called in the place. */
  readonly fileName: string | null
  /** Paths inside the folder that are left out, exactly as spelt, with all below them. */
  readonly leaveOut: readonly string[]
  readonly compression: Compression
  readonly signal: AbortSignal
}

/** The proof of an archive, with what bears on its consistency. */
export interface ArchiveProof extends SourceProof {
  /** Files that changed, shrank or vanished while they were read. */
  readonly unsteadyFiles: number
}

/** An archive on its way. */
export interface VolumeArchive extends ProvenStream {
  readonly proof: Promise<ArchiveProof>
}

/**
 * Starts to pack a folder with the tar of a helper (or of this computer). GNU tar keeps owners by number,
 * modes, times below a second, links, sparse files, xattrs, ACLs, FIFOs and devices, and its own count of
 * the bytes written is the source-side proof. With busybox a digest of the wire is the proof, and the
 * losses are warnings. Rejects with `tool-missing` when there is no tar.
 */
export async function archiveVolume(input: ArchiveInput): Promise<VolumeArchive> {
  const { tools, compression } = input
  const gnu = tools.tar === 'gnu'
  return start(input.place, tools, tools.zstd ? compression : null, input.signal, [
    input.root,
    input.fileName === null ? '' : renameExpression(input.fileName),
    ...input.leaveOut.map(name => (gnu ? name : busyboxPattern(name))),
  ])
}

/**
 * Packs single files, by absolute path and under these names, without holes. What is not there is not in
 * the archive; a proof with exit code 66 says that none of them is there.
 */
export async function archiveFiles(input: {
  readonly place: CommandPlace
  readonly tools: HelperTools
  readonly paths: readonly string[]
  /** Null: none. */
  readonly compression: Compression | null
  readonly signal: AbortSignal
}): Promise<VolumeArchive> {
  const { place, tools, signal } = input
  const compression = tools.zstd ? input.compression : null
  return start(place, tools, compression, signal, ['', '', ...input.paths])
}

async function start(
  place: CommandPlace,
  tools: HelperTools,
  compression: Compression | null,
  signal: AbortSignal,
  [root = '', rename = '', ...names]: readonly string[],
): Promise<VolumeArchive> {
  if (tools.tar === null || !tools.shell) {
    throw new AppError('tool-missing', {
      message: `There is no tar in ${place.description}.`,
      state: NOTHING_CHANGED,
      hint: 'Load an image with tar on the host, for instance debian or alpine.',
    })
  }
  const digest = tools.tar === 'gnu' ? '' : (tools.sha256 ?? 'cksum')
  const level = compression === null ? '' : String(compression.level)
  const threads = String(compression?.threads ?? 0)
  const argv = ['sh', '-c', archiveScript, 'lifeboat-archive']
  const running = await place.start(
    [...argv, root, tools.tar, level, threads, digest, rename, ...names],
    { signal },
  )
  const messages = tarMessages()
  running.onStderr(chunk => messages.write(chunk))
  return {
    stream: running.stdout,
    encoding: compression === null ? 'none' : 'zstd',
    proof: running.result.then(result =>
      proofOf(result, messages.finish(), tools, compression !== null),
    ),
    abort: () => running.kill(),
  }
}

const LOSSES =
  'Packed with busybox tar: sparse files were stored full, times cut to whole seconds; extended attributes, ACLs and capabilities were not kept.'

function proofOf(
  result: CommandResult,
  messages: TarMessages,
  tools: HelperTools,
  compressed: boolean,
): ArchiveProof {
  const { trailer, totalBytes, unsteady } = messages
  const common = {
    exitCode: result.exitCode,
    stderr: result.stderr,
    unsteadyFiles: unsteady,
    warnings: tools.tar === 'gnu' ? messages.warnings : [LOSSES, ...messages.warnings],
  }
  const failure = failureOf(result, messages)
  if (failure !== null) return { ...common, failure }
  if (tools.tar === 'gnu') {
    if (totalBytes === null) return { ...common, failure: 'tar did not say how much it packed.' }
    // Without compression at the source, what tar wrote is what travels.
    return compressed
      ? { ...common, plainBytes: totalBytes }
      : { ...common, plainBytes: totalBytes, streamBytes: totalBytes }
  }
  const sha256 = trailer?.get('sha256')
  const bytes = trailer?.get('bytes')
  if (sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256)) {
    return { ...common, streamSha256: sha256 }
  }
  if (bytes !== undefined && /^\d+$/.test(bytes)) return { ...common, streamBytes: Number(bytes) }
  return { ...common, failure: 'The host made no checksum of the archive.' }
}

function failureOf(result: CommandResult, messages: TarMessages): string | null {
  if (result.exitCode === null) return null
  if (result.exitCode === 66) return 'What was to be packed is not there any more.'
  if (messages.trailer === null) {
    return `The packing stopped before its end (exit code ${result.exitCode}).`
  }
  if (result.exitCode === 0) return null
  // Some builds of busybox have no such option, and what is to be left out must not get in.
  if (/(?:unrecognized|invalid) option.*exclude/.test(messages.complaint ?? '')) {
    return 'The tar of the helper image cannot leave files out; load an image with GNU tar on the host, for instance debian.'
  }
  const failed = [...messages.trailer]
    .filter(([, value]) => /^\d+$/.test(value) && value !== '0')
    .map(([name, code]) => `${name} ended with exit code ${code}`)
  const why = messages.complaint === null ? '' : `: ${messages.complaint}`
  return `${failed.join(', ')}${why}.`
}
