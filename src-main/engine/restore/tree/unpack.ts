import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { AppError } from '../../../contract/errors.ts'
import { interrupted } from '../../lib/interrupted.ts'
import { ZstdDecoder } from '../../lib/zstd-decoder.ts'
import { type ArchiveFacts, ArchiveGuard } from './archive-guard.ts'
import type { TreeTarget } from './tree-place.ts'
import { workOf } from './tree-place.ts'
import { extractScript } from './unpack-scripts.ts'

const UNTOUCHED = 'The live data was not touched; what was staged beside it is removed.'

export interface UnpackInput {
  readonly target: TreeTarget
  readonly codec: 'zstd' | 'none'
  /** The archive in its codec; fails at its end when its hash is not the recorded one. */
  readonly source: Readable
  /** The one member that the archive may hold, or null. */
  readonly only: string | null
  readonly signal: AbortSignal
  /** Plain bytes that have passed since the last call. */
  onPlain(bytes: number): void
}

/**
 * Sends an archive through the guard into the tar of the place, in one pass. Resolves when its hash, the
 * exit codes of all programs and the end of the archive agree.
 */
export async function unpackArchive(input: UnpackInput): Promise<ArchiveFacts> {
  const { target, signal } = input
  const { place, tools } = target.at
  const decodesThere = input.codec === 'zstd' && tools.zstd
  const guard = new ArchiveGuard(input.codec, input.only, input.onPlain)
  const running = await place.start(
    [
      'sh',
      '-c',
      extractScript,
      'lifeboat-unpack',
      workOf(target),
      tools.tar === 'gnu' ? 'gnu' : 'busybox',
      decodesThere ? 'zstd' : 'none',
      target.at.keepsOwners ? 'keep' : 'mine',
    ],
    { stdin: 'pipe', signal },
  )
  const { stdin } = running
  if (stdin === null) throw new Error('a command that was started with stdin has none')
  const printed = readAll(running.stdout)
  let failure: unknown = null
  try {
    if (input.codec === 'zstd' && !decodesThere) {
      await pipeline(input.source, guard, new ZstdDecoder(), stdin, { signal })
    } else {
      await pipeline(input.source, guard, stdin, { signal })
    }
  } catch (error) {
    failure = error
  }
  if (signal.aborted) {
    await running.kill()
    throw interrupted(UNTOUCHED)
  }
  // What our side found is the cause; a pipe that broke is the other side's doing, and it says why.
  if (failure instanceof AppError) {
    await running.kill()
    throw failure
  }
  const [output, result] = await Promise.all([printed, running.result])
  const codes = new Map(
    output
      .trim()
      .split('\n')
      .map(line => line.split(' ', 2) as [string, string]),
  )
  const tarCode = codes.get('tar')
  const zstdCode = decodesThere ? codes.get('zstd') : '0'
  if (failure === null && result.exitCode === 0 && tarCode === '0' && zstdCode === '0') {
    return guard.facts
  }
  throw unpackFailure(result.stderr, result.exitCode, codes, failure)
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer)
  } catch {
    // The exit code tells; what was printed until then may help.
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unpackFailure(
  stderr: string,
  exitCode: number | null,
  codes: ReadonlyMap<string, string>,
  cause: unknown,
): AppError {
  const isFull = /no space left|disk quota/i.test(stderr)
  const ends = [...codes].map(([name, code]) => `${name} ended with ${code}`).join(', ')
  return new AppError(
    isFull ? 'not-enough-space' : 'restore-failed',
    {
      message: isFull
        ? 'The host ran out of space while the archive was unpacked beside the live data.'
        : `The archive could not be unpacked on the host (${ends === '' ? `exit code ${String(exitCode)}` : ends}).`,
      state: UNTOUCHED,
      hint: isFull
        ? 'Make room on the host, then restore again.'
        : 'Look at the details, then restore again; "lifeboat check --read-data" tells whether the snapshot is sound.',
      ...(stderr === '' ? {} : { details: stderr.slice(-4096) }),
    },
    cause,
  )
}
