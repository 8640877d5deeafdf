import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'

import type { SnapshotSummary } from '../../contract/model.ts'
import { makeFolderIn, replaceFile } from '../lib/durable.ts'
import { LIST_CACHE, MANIFEST, REPORTS, SERVICE_FOLDER } from './layout.ts'
import type { Manifest } from './manifest.ts'
import { readManifestFile } from './read-manifest.ts'
import { type Proof, proofOf, readReports, recordedOnly } from './reports.ts'
import { scanRepository, type SnapshotFolder } from './scan.ts'

/** A snapshot in a list; one that cannot be used says why. */
export interface ListedSnapshot extends SnapshotSummary {
  readonly folder: string
  /** Why it cannot be used, one sentence; null when it can. Its outcome is then `failed`. */
  readonly problem: string | null
}

type FromManifest = Pick<
  ListedSnapshot,
  'host' | 'stack' | 'time' | 'outcome' | 'sizeBytes' | 'encrypted' | 'origin' | 'problem'
>

interface Cached {
  /** Identity of the manifest file that this was read from. */
  readonly manifest: string
  readonly summary: FromManifest
  /** Identity of the reports folder. */
  readonly reports: string | null
  readonly proof: Proof
}
type Cache = Record<string, Cached>

/** Files looked at side by side. */
const parallel = 64
const cacheVersion = 1

function summaryOf(manifest: Manifest): FromManifest {
  return {
    host: manifest.host.id,
    stack: manifest.stack.name,
    time: manifest.time,
    outcome: manifest.outcome,
    sizeBytes: manifest.artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0),
    encrypted: manifest.artifacts.some(({ encryption }) => encryption !== 'none'),
    origin: manifest.origin,
    problem: null,
  }
}

async function readSummary(folder: SnapshotFolder): Promise<FromManifest> {
  try {
    return summaryOf(await readManifestFile(folder.folder, folder.id))
  } catch (error) {
    return {
      host: folder.host,
      stack: folder.stack,
      time: folder.time,
      outcome: 'failed',
      sizeBytes: 0,
      encrypted: false,
      origin: 'backup',
      problem: error instanceof Error ? error.message : String(error),
    }
  }
}

async function identityOf(file: string): Promise<string> {
  const stats = await stat(file).catch(() => null)
  return stats === null ? '' : `${stats.mtimeMs}/${stats.size}/${stats.ino}`
}

async function readOne(folder: SnapshotFolder, known: Cached | undefined): Promise<Cached> {
  const manifest = await identityOf(path.join(folder.folder, MANIFEST))
  const reportsFolder = folder.folder + REPORTS
  const reports = folder.hasReports ? await identityOf(reportsFolder) : null
  const summary =
    known?.manifest === manifest && manifest !== '' ? known.summary : await readSummary(folder)
  if (known !== undefined && known.summary === summary && known.reports === reports) return known
  const proof = reports === null ? recordedOnly : proofOf(await readReports(reportsFolder))
  return { manifest, summary, reports, proof }
}

async function readCache(file: string): Promise<Cache> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as { version: unknown; entries: Cache }
    return value.version === cacheVersion ? value.entries : {}
  } catch {
    return {}
  }
}

/** The cache only saves time: a place that cannot be written, or a race, is no failure. */
async function writeCache(repository: string, file: string, cache: Cache): Promise<void> {
  try {
    await makeFolderIn(repository, SERVICE_FOLDER)
    await replaceFile(file, JSON.stringify({ version: cacheVersion, entries: cache }))
  } catch {
    return
  }
}

function listed(folder: SnapshotFolder, { summary, proof }: Cached): ListedSnapshot {
  const { failed } = proof
  return {
    id: folder.id,
    ...summary,
    outcome: failed ? 'failed' : summary.outcome,
    problem: summary.problem ?? (failed ? 'The last test of this snapshot failed.' : null),
    folder: folder.folder,
    pinned: folder.pinned,
    proof: { level: proof.level, at: proof.at },
    copies: [],
  }
}

/**
 * All snapshots of a repository, newest first. The manifests are the truth; what was read from them is
 * remembered in a cache that tells by size, time and number of each file whether it is still right.
 */
export async function listSnapshots(repository: string): Promise<ListedSnapshot[]> {
  const cacheFile = path.join(repository, SERVICE_FOLDER, LIST_CACHE)
  const [scan, cache] = await Promise.all([scanRepository(repository), readCache(cacheFile)])
  const fresh: Cache = {}
  const result: ListedSnapshot[] = []
  let changed = Object.keys(cache).length !== scan.snapshots.length
  for (let at = 0; at < scan.snapshots.length; at += parallel) {
    const folders = scan.snapshots.slice(at, at + parallel)
    const read = await Promise.all(folders.map(each => readOne(each, cache[each.id])))
    for (const [index, folder] of folders.entries()) {
      const one = read[index]
      if (one === undefined) continue
      if (one !== cache[folder.id]) changed = true
      fresh[folder.id] = one
      result.push(listed(folder, one))
    }
  }
  if (changed) await writeCache(repository, cacheFile, fresh)
  return result.sort((a, b) => b.time.localeCompare(a.time) || b.id.localeCompare(a.id))
}
