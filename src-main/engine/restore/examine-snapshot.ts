import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'

import { codeOf } from '../lib/durable.ts'
import { ZstdDecoder } from '../lib/zstd-decoder.ts'
import type { Manifest } from '../store/manifest.ts'
import type { RestoreFacts } from './facts.ts'

/** Stored files that are missing or have another size than the manifest says; their hashes are checked as they are read. */
export async function findDamage(
  folder: string,
  snapshot: Manifest,
): Promise<RestoreFacts['damaged']> {
  const found = await Promise.all(
    snapshot.artifacts.map(async record => {
      const file = path.join(folder, ...record.path.split('/'))
      try {
        const { size } = await stat(file)
        if (size === record.stored.bytes) return null
        return {
          path: record.path,
          problem: `has ${size} bytes instead of ${record.stored.bytes}`,
        }
      } catch (error) {
        const problem = codeOf(error) === 'ENOENT' ? 'is missing' : 'cannot be read'
        return { path: record.path, problem }
      }
    }),
  )
  return found.filter(each => each !== null)
}

/** Binds whose archive holds one file and no folder. */
export async function findSingleFiles(
  folder: string,
  snapshot: Manifest,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const item of snapshot.items.filter(each => each.kind === 'bind')) {
    const record = snapshot.artifacts.find(
      each => each.content === 'tar' && item.artifacts.includes(each.path),
    )
    if (record?.entries !== 1 || record.index === null || record.encryption !== 'none') continue
    const file = path.join(folder, ...record.index.split('/'))
    if ((await firstPath(file)) !== '.') found.push(item.id)
  }
  return found
}

/** The path in the first line of a file index; `.` when it cannot be read: a folder, as nearly all are. */
async function firstPath(file: string): Promise<string> {
  const source = createReadStream(file)
  const decoder = new ZstdDecoder()
  source.on('error', error => decoder.destroy(error))
  try {
    for await (const line of createInterface({ input: source.pipe(decoder) })) {
      return (JSON.parse(line) as { readonly path: string }).path
    }
  } catch {
    return '.'
  } finally {
    source.destroy()
    decoder.destroy()
  }
  return '.'
}
