import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { FileEntry } from '../../contract/model.ts'
import { indexLine } from './file-index.ts'
import { IndexText, openIndex } from './index-text.ts'
import type { ArtifactRecord, Manifest } from './manifest.ts'

export interface FileQuery {
  /** Folder whose children are wanted; '' is the top. */
  readonly folder?: string
  /** Part of a path; lists matches anywhere in the item instead of a folder. */
  readonly search?: string
  readonly offset?: number
  readonly limit?: number
}

export interface FilePage {
  /** All that match, of which `entries` is a page. */
  readonly total: number
  readonly entries: readonly FileEntry[]
}

const defaultLimit = 1000

/** Artifacts of an item. Rejects with `unknown-item`. */
export function artifactsOf(manifest: Manifest, item: string): readonly ArtifactRecord[] {
  const artifacts = manifest.artifacts.filter(each => each.item === item)
  if (artifacts.length > 0) return artifacts
  throw new AppError('unknown-item', {
    message: `The snapshot ${manifest.id} holds no files of '${item}'.`,
    state: NOTHING_CHANGED,
    hint: `It holds: ${[...new Set(manifest.artifacts.map(each => each.item))].join(', ')}.`,
  })
}

/** How an artifact that is no archive is shown: as a file, without the folder of its kind. */
export function asEntry(manifest: Manifest, artifact: ArtifactRecord): FileEntry {
  const { file, name, plain } = artifact
  return {
    path: name.split('/').slice(1).join('/') || name,
    type: file?.kind === 'symlink' ? 'symlink' : 'file',
    sizeBytes: plain.bytes,
    mode: file?.mode ?? 0o600,
    uid: file?.uid ?? 0,
    gid: file?.gid ?? 0,
    modified: file?.modified ?? manifest.time,
    linkTarget: file?.linkTarget ?? null,
  }
}

/** The list of an item's files: its archive's index, or its artifacts themselves. */
export async function indexOf(
  folder: string,
  manifest: Manifest,
  item: string,
): Promise<IndexText> {
  const artifacts = artifactsOf(manifest, item)
  const index = artifacts.find(each => each.index !== null)?.index
  if (index !== undefined && index !== null) return await openIndex(path.join(folder, index))
  return new IndexText(
    Buffer.from(artifacts.map(each => indexLine(asEntry(manifest, each))).join('')),
  )
}

/** A folder that has members in the archive but no entry of its own. */
function impliedFolder(manifest: Manifest, folder: string): FileEntry {
  return {
    path: folder,
    type: 'directory',
    sizeBytes: 0,
    mode: 0o755,
    uid: 0,
    gid: 0,
    modified: manifest.time,
    linkTarget: null,
  }
}

/**
 * Lists files of one item of the snapshot in `folder`: the children of a folder (folders first, then in
 * archive order), or what matches a search. Rejects with `unknown-item` and `stream-corrupt`.
 */
export async function listFiles(
  folder: string,
  manifest: Manifest,
  item: string,
  query: FileQuery,
): Promise<FilePage> {
  const { offset = 0, limit = defaultLimit, search = '' } = query
  const index = await indexOf(folder, manifest, item)
  if (search !== '') {
    const lines = index.matches(search)
    const page = lines.slice(offset, offset + limit)
    return { total: lines.length, entries: page.map(line => index.entry(line)) }
  }
  const parent = (query.folder ?? '').replace(/^\.?\/+|\/+$/g, '').replace(/^\.$/, '')
  const { lines, implied } = index.children(parent)
  const prefix = parent === '' ? '' : `${parent}/`
  const entries = implied
    .slice(offset, offset + limit)
    .map(name => impliedFolder(manifest, prefix + name))
  const start = Math.max(0, offset - implied.length)
  const rest = lines.slice(start, start + limit - entries.length)
  return {
    total: implied.length + lines.length,
    entries: [...entries, ...rest.map(line => index.entry(line))],
  }
}
