import { readFile } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { codeOf } from '../lib/durable.ts'
import { isSafePath } from '../lib/safe-name.ts'
import { MANIFEST } from './layout.ts'
import { type Manifest, MANIFEST_VERSION, manifestSchema } from './manifest.ts'
import { newerVersion, tooNew } from './repository-file.ts'

function damaged(id: string, why: string, cause?: unknown): AppError {
  return new AppError(
    'repository-unreadable',
    {
      message: `The manifest of ${id} is damaged: ${why}.`,
      state: 'The snapshot stays where it is and is not used. Other snapshots are not affected.',
      hint: `Run 'sha256sum -c SHA256SUMS' in its folder to see what is whole, or take the snapshot before it.`,
      ...(cause instanceof Error ? { details: cause.message } : {}),
    },
    cause,
  )
}

/** What is wrong with a manifest beyond its schema; null when nothing is. */
function contradiction(id: string, manifest: Manifest): string | null {
  if (manifest.id !== id) return `it says that it is ${manifest.id}`
  const paths = new Set<string>()
  for (const { path: file, index } of manifest.artifacts) {
    for (const each of index === null ? [file] : [file, index]) {
      if (!isSafePath(each)) return `it names the path ${JSON.stringify(each)}`
      if (paths.has(each.toLowerCase())) return `it names ${each} twice`
      paths.add(each.toLowerCase())
    }
  }
  return null
}

/** Reads and checks a snapshot's manifest. Rejects with `repository-unreadable`, `repository-too-new`, `unknown-snapshot`. */
export async function readManifestFile(folder: string, id: string): Promise<Manifest> {
  let text: string
  try {
    text = await readFile(path.join(folder, MANIFEST), 'utf8')
  } catch (error) {
    throw damaged(id, codeOf(error) === 'ENOENT' ? 'it is missing' : 'it cannot be read', error)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw damaged(id, 'it is not JSON', error)
  }
  const newer = newerVersion(value, MANIFEST_VERSION)
  if (newer !== null) throw tooNew(`The snapshot ${id}`, newer)
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success) throw damaged(id, 'it does not have the fields that it should', parsed.error)
  const problem = contradiction(id, parsed.data)
  if (problem !== null) throw damaged(id, problem)
  return parsed.data
}

/** Refuses an id that does not lead to a folder of this repository. */
export function assertId(id: string): void {
  if (id.split('/').length === 3 && isSafePath(id)) return
  throw new AppError('unknown-snapshot', {
    message: `'${id}' is not the id of a snapshot.`,
    state: NOTHING_CHANGED,
    hint: "Run 'lifeboat snapshots list' to see the ids.",
  })
}
