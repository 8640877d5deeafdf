import type { Readable } from 'node:stream'

import { AppError } from '../../../contract/errors.ts'
import type { CheckRow } from '../../../contract/model.ts'
import { readMeasure } from './measure.ts'
import type { FilePart } from './put-file.ts'
import { putFile } from './put-file.ts'
import type { TreeAction } from './run-tree-script.ts'
import { runTreeScript } from './run-tree-script.ts'
import type { TreeTarget } from './tree-place.ts'
import { unpackArchive } from './unpack.ts'

/** Room that must stay free on the host beside what is staged. */
const SPARE_BYTES = 16 * 1024 * 1024
const UNTOUCHED = 'The live data was not touched; what was staged beside it is removed.'

/** The archive that a folder is filled from. */
export interface ArchivePart {
  readonly codec: 'zstd' | 'none'
  readonly plainBytes: number
  /** Members as the manifest has them. */
  readonly entries: number | null
  /** Bytes in the archive's codec; fails at its end when their hash is not the recorded one. */
  open(): Readable
}

export interface StageTreeInput {
  readonly target: TreeTarget
  /** Null: nothing but `files`. */
  readonly archive: ArchivePart | null
  /** Put over what the archive brought, in this order. */
  readonly files: readonly FilePart[]
  readonly signal: AbortSignal
  /** Plain bytes that have passed since the last call. */
  onBytes(bytes: number): void
}

/**
 * A tree unpacked beside the live one. Until `activate` nothing that exists has changed; after it the
 * former one is kept aside until `finalize`, or comes back with `revert`. Each may be called again after
 * it failed or was killed half-way.
 */
export interface StagedTree {
  readonly checks: readonly CheckRow[]
  activate(): Promise<void>
  /** Waits until what was switched in is on the disk; may take as long as its writing. */
  settle(): Promise<void>
  revert(): Promise<void>
  finalize(): Promise<void>
  discard(): Promise<void>
}

/**
 * Unpacks beside the live tree and compares what arrived with the manifest. When it rejects, what it had
 * made is removed again, as far as the host can be reached.
 */
export async function stageTree(input: StageTreeInput): Promise<StagedTree> {
  const { target, signal } = input
  const room = await runTreeScript(target, 'prepare', signal)
  try {
    checkSpace(room, input)
    const checks = await fill(input)
    const wrong = checks.find(each => !each.ok)
    if (wrong !== undefined) {
      throw new AppError('restore-failed', {
        message: `What arrived on the host is not what the snapshot holds: ${wrong.name} is ${wrong.actual}, expected ${wrong.expected}.`,
        state: UNTOUCHED,
        hint: 'Run "lifeboat check --read-data" on the snapshot; then restore again.',
      })
    }
    return { checks, ...treeActions(target) }
  } catch (error) {
    await runTreeScript(target, 'discard').catch(() => undefined)
    throw error
  }
}

/** The four ways on, for what was staged here or by a process that died. */
export function treeActions(target: TreeTarget): Omit<StagedTree, 'checks'> {
  const run = async (action: TreeAction): Promise<void> => {
    await runTreeScript(target, action)
  }
  return {
    activate: () => run('activate'),
    settle: () => run('settle'),
    revert: () => run('revert'),
    finalize: () => run('finalize'),
    discard: () => run('discard'),
  }
}

async function fill(input: StageTreeInput): Promise<readonly CheckRow[]> {
  const { target, archive, signal } = input
  const checks: CheckRow[] = []
  if (archive !== null) checks.push(...(await fillFromArchive(input, archive)))
  else if (target.scope.kind === 'all') await runTreeScript(target, 'measure-keep', signal)
  for (const file of input.files) checks.push(await putFile(target, file, signal, input.onBytes))
  return checks
}

async function fillFromArchive(
  { target, signal, onBytes }: StageTreeInput,
  archive: ArchivePart,
): Promise<readonly CheckRow[]> {
  const { scope } = target
  const facts = await unpackArchive({
    target,
    codec: archive.codec,
    source: archive.open(),
    only: scope.kind === 'only' && scope.names.length === 1 ? (scope.names[0] ?? null) : null,
    signal,
    onPlain: onBytes,
  })
  // Without an entry of its own in the archive, the folder keeps the owner and mode that it has.
  const action = facts.hasRoot ? 'measure' : 'measure-keep'
  const measured = readMeasure(await runTreeScript(target, action, signal))
  if (measured === null) {
    throw new AppError('restore-failed', {
      message: 'What was unpacked on the host could not be counted.',
      state: UNTOUCHED,
      hint: 'Use an image with GNU or busybox tools as helper, then restore again.',
    })
  }
  return [
    ...(archive.entries === null ? [] : [row('archive entries', archive.entries, facts.entries)]),
    row('files and folders', facts.paths, measured.paths),
    row('file bytes', facts.fileBytes, measured.fileBytes),
  ]
}

function row(name: string, expected: number, actual: number): CheckRow {
  return { name, expected: String(expected), actual: String(actual), ok: expected === actual }
}

/** `prepare` prints the line of `df -Pk`: file system, blocks, used, available, share, where. */
function checkSpace(output: string, input: StageTreeInput): void {
  const available = Number(/\s\d+\s+\d+\s+(\d+)\s+\d+%\s/.exec(output)?.[1] ?? NaN) * 1024
  const needed =
    (input.archive?.plainBytes ?? 0) + input.files.reduce((sum, each) => sum + each.bytes, 0)
  if (Number.isNaN(available) || available >= needed + SPARE_BYTES) return
  throw new AppError('not-enough-space', {
    message: `The host has ${available} bytes free, and ${needed} are needed beside the live data.`,
    state: UNTOUCHED,
    hint: 'Make room on the host, then restore again.',
  })
}
