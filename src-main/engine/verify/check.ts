import { lstat, readFile } from 'node:fs/promises'
import path from 'node:path'

import { AppError } from '../../contract/errors.ts'
import type { CheckReport, CheckRow } from '../../contract/model.ts'
import { MANIFEST, SUMS } from '../store/layout.ts'
import type { ArtifactRecord, Manifest } from '../store/manifest.ts'
import type { Repository } from '../store/repository.ts'
import { hashFile, parseSums, unlistedFiles } from '../store/sums.ts'
import { checkData } from './check-data.ts'
import { row } from './check-row.ts'

export interface CheckOptions {
  /** Read every byte; otherwise names, sizes and the manifest alone. */
  readonly readData: boolean
  readonly signal: AbortSignal
  /** Stored bytes that were read since the last call. */
  onBytes?(bytes: number): void
}

type Items = CheckReport['items']

/** The part of a report that is about the snapshot as a whole. */
const WHOLE = 'snapshot'

/** Size of a plain file, or in words why there is none. */
async function sizeOf(file: string): Promise<number | string> {
  const stats = await lstat(file).catch(() => null)
  if (stats === null) return 'missing'
  return stats.isFile() ? stats.size : 'not a file'
}

/** `SHA256SUMS` against the manifest, and the small files against `SHA256SUMS`. */
async function checkSums(folder: string, manifest: Manifest): Promise<CheckRow[]> {
  const text = await readFile(path.join(folder, SUMS), 'utf8').catch(() => null)
  if (text === null) return [row(SUMS, 'readable', 'missing')]
  const sums = parseSums(text)
  const expected = [
    ...manifest.artifacts.map(({ path: file }) => file),
    ...unlistedFiles(manifest),
  ].toSorted()
  const rows = [row(`${SUMS}: files`, expected.join(' '), [...sums.keys()].toSorted().join(' '))]
  if (rows[0]?.ok === true) rows[0] = row(`${SUMS}: files`, expected.length, sums.size)
  for (const { path: file, stored } of manifest.artifacts) {
    const sum = sums.get(file)
    if (sum !== stored.sha256) rows.push(row(`${SUMS}: ${file}`, stored.sha256, sum ?? 'missing'))
  }
  for (const file of unlistedFiles(manifest)) {
    const actual = await hashFile(path.join(folder, file)).catch(() => 'missing')
    rows.push(row(`${file}: SHA-256`, sums.get(file) ?? 'listed', actual))
  }
  return rows
}

/** What the manifest says of itself. */
function checkManifest(manifest: Manifest): CheckRow[] {
  const stored = new Set(manifest.artifacts.map(({ path: file }) => file))
  const rows = [row(MANIFEST, 'readable', 'readable')]
  for (const { id, artifacts } of manifest.items) {
    const missing = artifacts.filter(each => !stored.has(each))
    if (missing.length > 0)
      rows.push(row(`archives of ${id}`, 'listed', `not listed: ${missing.join(', ')}`))
  }
  return rows
}

async function checkArtifact(
  folder: string,
  artifact: ArtifactRecord,
  options: CheckOptions,
): Promise<CheckRow[]> {
  const size = row(
    `${artifact.path}: size`,
    artifact.stored.bytes,
    await sizeOf(path.join(folder, artifact.path)),
  )
  if (!options.readData || !size.ok) return [size]
  return [size, ...(await checkData(folder, artifact, options))]
}

async function checkItems(
  folder: string,
  manifest: Manifest,
  options: CheckOptions,
): Promise<Items> {
  const byItem = new Map<string, CheckRow[]>()
  for (const artifact of manifest.artifacts) {
    options.signal.throwIfAborted()
    const rows = byItem.get(artifact.item) ?? []
    rows.push(...(await checkArtifact(folder, artifact, options)))
    byItem.set(artifact.item, rows)
  }
  const whole = [...checkManifest(manifest), ...(await checkSums(folder, manifest))]
  return [{ id: WHOLE, checks: whole }, ...[...byItem].map(([id, checks]) => ({ id, checks }))]
}

async function itemsOf(repository: Repository, id: string, options: CheckOptions): Promise<Items> {
  let manifest: Manifest
  try {
    manifest = await repository.readManifest(id)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'repository-unreadable') throw error
    return [{ id: WHOLE, checks: [row(MANIFEST, 'readable', error.message)] }]
  }
  return await checkItems(repository.folderOf(id), manifest, options)
}

/** A place that cannot be written keeps no report: what was found is returned all the same. */
function ifUnwritable(error: unknown): void {
  const codes = ['destination-unwritable', 'disk-full']
  if (!(error instanceof AppError) || !codes.includes(error.code)) throw error
}

/**
 * Checks a snapshot where it lies, without restoring: that all files are there with their sizes, that
 * manifest and `SHA256SUMS` agree and, with `readData`, every byte of every archive down to its own end
 * mark. The report is kept beside the snapshot. Rejects with `unknown-snapshot`, `repository-too-new`,
 * `locked`; damage is not an error but a report that says `failed`.
 */
export async function checkSnapshot(
  repository: Repository,
  id: string,
  options: CheckOptions,
): Promise<CheckReport> {
  const lock = await repository.lock(id, 'read', `check of ${id}`)
  try {
    const signal = AbortSignal.any([options.signal, lock.lost])
    const items = await itemsOf(repository, id, { ...options, signal })
    const isOk = items.every(({ checks }) => checks.every(({ ok }) => ok))
    const report: CheckReport = {
      snapshot: id,
      outcome: isOk ? 'ok' : 'failed',
      readData: options.readData,
      items,
      restoreMs: null,
      leftovers: [],
    }
    await repository.addReport(id, 'check', report, new Date()).catch(ifUnwritable)
    return report
  } finally {
    await lock.release()
  }
}
