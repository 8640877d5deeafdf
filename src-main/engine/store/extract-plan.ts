import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { FileEntry } from '../../contract/model.ts'

/** What is written on this computer, decided before anything is. */
export interface ExtractPlan {
  /** Path in the archive → path below the destination. Folders, files, links, in archive order. */
  readonly entries: ReadonlyMap<string, { readonly entry: FileEntry; readonly to: string }>
  /** Files that are not wanted but hold the bytes of a hard link that is. */
  readonly donors: ReadonlySet<string>
  /** Names below the destination that come into being there. */
  readonly tops: readonly string[]
  readonly skipped: readonly Skipped[]
}

/** Something that is not extracted, and why. */
export interface Skipped {
  readonly path: string
  readonly reason: string
}

function unsafe(entry: string): AppError {
  return new AppError('unsafe-archive', {
    message: `The archive holds ${JSON.stringify(entry)}, which would be written outside of the chosen folder.`,
    state: NOTHING_CHANGED,
    hint: 'Do not unpack this archive on your computer. Choose single files that you trust, or restore it into a volume.',
  })
}

/** False for what could leave the folder that it is extracted into: `..`, absolute, drive-relative, NUL. */
export function isInside(entryPath: string): boolean {
  if (entryPath === '.') return true
  if (entryPath.includes('\0') || /^[A-Za-z]:/.test(entryPath)) return false
  return !entryPath
    .split('/')
    .some(segment => segment === '' || segment === '.' || segment === '..')
}

/** The deepest folder that all chosen paths lie in. */
export function commonParent(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map(each => each.split('/').slice(0, -1))
  let length = first.length
  for (const each of others) {
    let same = 0
    while (same < Math.min(length, each.length) && each[same] === first[same]) same += 1
    length = same
  }
  return first.slice(0, length).join('/')
}

/** Spells chosen paths as the index does; drops what lies below another chosen one. */
export function chosenPaths(paths: readonly string[]): string[] {
  const clean = paths
    .map(each => each.replace(/^(?:\.?\/+)+|\/+$/g, ''))
    .map(each => (each === '.' ? '' : each))
  const unique = [...new Set(clean)]
  return unique.filter(each => !unique.some(other => other !== each && isBelow(each, other)))
}

function isBelow(entryPath: string, folder: string): boolean {
  return folder === '' || entryPath.startsWith(`${folder}/`)
}

/** Where each chosen path will be, for the sentence that is shown before ("will be written to …"). */
export function extractTargets(paths: readonly string[], to: string): string[] {
  const chosen = chosenPaths(paths)
  const parent = commonParent(chosen)
  return chosen.map(each => path.join(to, each.slice(parent === '' ? 0 : parent.length + 1)))
}

const special = new Set<FileEntry['type']>(['fifo', 'socket', 'block', 'character'])

/** Why a member cannot be had on this computer; null when it can. */
function reasonAgainst(entry: FileEntry, platform: NodeJS.Platform): string | null {
  if (special.has(entry.type)) return `it is a ${entry.type}, which is not extracted`
  const isWindows = platform === 'win32'
  if (isWindows && /[\\:*?"<>|]|[. ](?:\/|$)/.test(entry.path)) return 'Windows has no such names'
  if (isWindows && entry.type === 'symlink') return 'symbolic links need special rights on Windows'
  if (entry.type === 'symlink' && !staysInside(entry))
    return 'it is a link that leads out of the folder'
  return null
}

function staysInside(entry: FileEntry): boolean {
  const target = entry.linkTarget ?? ''
  if (target === '' || target.startsWith('/') || /^[A-Za-z]:|[\\\0]/.test(target)) return false
  const resolved = path.posix.normalize(path.posix.join(path.posix.dirname(entry.path), target))
  return resolved !== '..' && !resolved.startsWith('../')
}

/**
 * Decides what is extracted. Pure. Throws `unsafe-archive` before anything is written when a wanted
 * member could leave the folder or would be written through a link, `path-missing` when a chosen path is not there.
 */
export function planExtract(
  paths: readonly string[],
  wanted: readonly FileEntry[],
  platform: NodeJS.Platform,
): ExtractPlan {
  const chosen = chosenPaths(paths)
  const parent = commonParent(chosen)
  const entries = new Map<string, { readonly entry: FileEntry; readonly to: string }>()
  const skipped: Skipped[] = []
  const types = new Map<string, FileEntry['type']>()
  for (const entry of wanted) {
    if (!isInside(entry.path)) throw unsafe(entry.path)
    types.set(entry.path, entry.type)
    const reason = reasonAgainst(entry, platform)
    const to = entry.path.slice(parent === '' ? 0 : parent.length + 1)
    if (reason !== null) skipped.push({ path: entry.path, reason })
    else if (entry.path !== '.') entries.set(entry.path, { entry, to })
  }
  for (const each of chosen) assertThere(each, types)
  const donors = new Set<string>()
  for (const { entry } of entries.values()) {
    assertNotThroughLink(entry.path, types)
    if (entry.type !== 'hardlink') continue
    const target = entry.linkTarget ?? ''
    if (!isInside(target)) throw unsafe(`${entry.path} → ${target}`)
    if (!entries.has(target)) donors.add(target)
  }
  const tops = new Set([...entries.values()].map(({ to }) => topOf(to, chosen, parent)))
  return { entries, donors, tops: [...tops], skipped }
}

function assertThere(chosen: string, types: ReadonlyMap<string, unknown>): void {
  if (chosen === '' || types.has(chosen) || [...types.keys()].some(each => isBelow(each, chosen)))
    return
  throw new AppError('path-missing', {
    message: `There is no ${JSON.stringify(chosen)} in this item of the snapshot.`,
    state: NOTHING_CHANGED,
    hint: "Run 'lifeboat snapshots files' to see what is there.",
  })
}

/** Members below a link, or below anything that is no folder, are how archives break out. */
function assertNotThroughLink(
  entryPath: string,
  types: ReadonlyMap<string, FileEntry['type']>,
): void {
  for (let at = entryPath.indexOf('/'); at !== -1; at = entryPath.indexOf('/', at + 1)) {
    const type = types.get(entryPath.slice(0, at))
    if (type !== undefined && type !== 'directory') throw unsafe(entryPath)
  }
}

/** The part of a destination path that must not exist yet: the chosen path itself, or its first segment. */
function topOf(to: string, chosen: readonly string[], parent: string): string {
  const cut = parent === '' ? 0 : parent.length + 1
  const top = chosen
    .map(each => each.slice(cut))
    .find(each => each !== '' && (to === each || isBelow(to, each)))
  return top ?? to.split('/')[0] ?? to
}
