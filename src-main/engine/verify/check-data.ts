import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

import type { CheckRow } from '../../contract/model.ts'
import { ZstdDecoder } from '../lib/zstd-decoder.ts'
import { examineWhole } from '../store/examine.ts'
import type { Examination } from '../store/examiner.ts'
import type { ArtifactRecord } from '../store/manifest.ts'
import type { CheckOptions } from './check.ts'
import { row } from './check-row.ts'

interface Measured {
  readonly bytes: number
  readonly sha256: string
}

function measureRows(name: string, expected: Measured, actual: Measured): CheckRow[] {
  return [
    row(`${name} bytes`, expected.bytes, actual.bytes),
    row(`${name} SHA-256`, expected.sha256, actual.sha256),
  ]
}

/** Hash of the text of a stored file index, or in words why it cannot be had. */
async function indexHash(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(file), new ZstdDecoder(), hash)
    return hash.digest('hex')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function contentRows(
  folder: string,
  artifact: ArtifactRecord,
  { plain, codecProblem, inspection, index }: Examination,
): Promise<CheckRow[]> {
  const { path: name, codec } = artifact
  const rows: CheckRow[] = []
  if (codec !== 'none') rows.push(row(`${name}: frames`, 'whole', codecProblem ?? 'whole'))
  rows.push(
    ...measureRows(`${name}: content`, artifact.plain, plain),
    row(`${name}: end`, 'complete', inspection.problem ?? 'complete'),
  )
  if (artifact.entries !== null) {
    rows.push(row(`${name}: entries`, artifact.entries, inspection.entries ?? 'none'))
  }
  if (artifact.index !== null && index !== null) {
    const stored = await indexHash(path.join(folder, artifact.index))
    rows.push(row(`${artifact.index}: content`, index.sha256, stored))
  }
  return rows
}

/** Reads every byte of an archive: stored, compressed and plain sums, frames, end mark, entries, index. */
export async function checkData(
  folder: string,
  artifact: ArtifactRecord,
  options: CheckOptions,
): Promise<CheckRow[]> {
  const { path: name, codec, content, stored, encryption } = artifact
  const file = path.join(folder, name)
  if (encryption !== 'none') return [row(`${name}: encryption`, 'readable', 'not by this version')]
  let told = 0
  const onProgress = (storedBytes: number): void => {
    options.onBytes?.(storedBytes - told)
    told = storedBytes
  }
  try {
    const examination = await examineWhole(
      { file, codec, content, indexFile: null, sumOf: null },
      stored.bytes,
      onProgress,
      options.signal,
    )
    return [
      ...measureRows(`${name}: stored`, stored, examination.stored),
      ...measureRows(`${name}: compressed`, artifact.compressed, examination.stored),
      ...(await contentRows(folder, artifact, examination)),
    ]
  } catch (error) {
    options.signal.throwIfAborted()
    return [
      row(`${name}: stored`, 'readable', error instanceof Error ? error.message : String(error)),
    ]
  }
}
