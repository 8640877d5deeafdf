import path from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { AppError } from '../../../contract/errors.ts'
import type { CheckRow } from '../../../contract/model.ts'
import { interrupted } from '../../lib/interrupted.ts'
import { counted } from '../counted.ts'
import type { TreeTarget } from './tree-place.ts'
import { rootOf, workOf } from './tree-place.ts'
import { putScript } from './unpack-scripts.ts'

const UNTOUCHED = 'The live data was not touched; what was staged beside it is removed.'

/** One file that is staged by itself: a configuration file, or an SQLite database. */
export interface FilePart {
  /** Path below the folder, forward slashes. */
  readonly path: string
  readonly kind: 'file' | 'symlink'
  /** For a symbolic link. */
  readonly linkTarget: string | null
  /** Permission bits; null: as the archive has it, or as the live file has it. */
  readonly mode: number | null
  readonly owner: { readonly uid: number; readonly gid: number } | null
  /** ISO 8601, or null. */
  readonly modified: string | null
  readonly bytes: number
  /** Of the plain bytes. */
  readonly sha256: string
  /** The plain bytes; fails at its end when their hash is not the recorded one. */
  open(): Readable
}

/** Stages a file and compares its hash where it now lies. */
export async function putFile(
  target: TreeTarget,
  part: FilePart,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<CheckRow> {
  const { owner, mode } = part
  const running = await target.at.place.start(
    [
      'sh',
      '-c',
      putScript,
      'lifeboat-put',
      workOf(target),
      part.path,
      mode === null ? '-' : (mode & 0o7777).toString(8),
      owner === null || !target.at.keepsOwners ? '-' : `${owner.uid}:${owner.gid}`,
      part.modified === null ? '-' : secondsOf(part.modified),
      path.posix.join(rootOf(target), part.path),
      part.kind,
    ],
    { stdin: part.kind === 'symlink' ? Buffer.from(part.linkTarget ?? '') : 'pipe', signal },
  )
  const printed = textOf(running.stdout)
  let failure: unknown = null
  if (running.stdin !== null) {
    try {
      await pipeline(counted(part.open(), onBytes), running.stdin, { signal })
    } catch (error) {
      failure = error
    }
  }
  if (signal.aborted) {
    await running.kill()
    throw interrupted(UNTOUCHED)
  }
  if (failure instanceof AppError) {
    await running.kill()
    throw failure
  }
  const [output, { exitCode, stderr }] = await Promise.all([printed, running.result])
  const actual = /^[0-9a-f]{64}/.exec(output)?.[0]
  if (failure !== null || exitCode !== 0 || actual === undefined) {
    const isFull = /no space left|disk quota/i.test(stderr)
    throw new AppError(
      isFull ? 'not-enough-space' : 'restore-failed',
      {
        message: `The file ${part.path} could not be written on the host.`,
        state: UNTOUCHED,
        hint: isFull
          ? 'Make room on the host, then restore again.'
          : 'Look at the details, then restore again.',
        ...(stderr === '' ? {} : { details: stderr.slice(-4096) }),
      },
      failure ?? undefined,
    )
  }
  if (part.kind === 'symlink')
    return { name: part.path, expected: 'link', actual: 'link', ok: true }
  return { name: `sha256 ${part.path}`, expected: part.sha256, actual, ok: actual === part.sha256 }
}

/** ISO 8601 as seconds with all the digits of its fraction: file systems keep nanoseconds. */
export function secondsOf(time: string): string {
  const fraction = /\.(\d+)Z$/.exec(time)?.[1] ?? '0'
  return `${Math.floor(Date.parse(time) / 1000)}.${fraction}`
}

async function textOf(stream: Readable): Promise<string> {
  let text = ''
  try {
    for await (const chunk of stream) text += (chunk as Buffer).toString('utf8')
  } catch {
    // The exit code tells.
  }
  return text
}
