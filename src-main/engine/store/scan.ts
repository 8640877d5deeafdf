import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'

import { parseTimeName } from '../lib/safe-name.ts'
import { PARTIAL, PIN, REPORTS } from './layout.ts'

/** A snapshot's folder as its name tells. */
export interface SnapshotFolder {
  readonly id: string
  readonly folder: string
  readonly host: string
  readonly stack: string
  /** From the folder's name. */
  readonly time: string
  readonly pinned: boolean
  readonly hasReports: boolean
}

/** A folder that was being written. */
export interface PartialFolder {
  readonly folder: string
  readonly host: string
  readonly stack: string
}

export interface Scan {
  readonly snapshots: readonly SnapshotFolder[]
  readonly partials: readonly PartialFolder[]
  /** Folders of stacks. */
  readonly stacks: readonly string[]
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true })
  return entries
    .filter(each => each.isDirectory() && !each.name.startsWith('.'))
    .map(each => each.name)
}

/** Looks for snapshots by names alone; what does not look like one is passed over. */
export async function scanRepository(repository: string): Promise<Scan> {
  const snapshots: SnapshotFolder[] = []
  const partials: PartialFolder[] = []
  const stacks: string[] = []
  for (const host of await foldersIn(repository)) {
    for (const stack of await foldersIn(path.join(repository, host))) {
      stacks.push(path.join(repository, host, stack))
      await scanStack(repository, host, stack, snapshots, partials)
    }
  }
  return { snapshots, partials, stacks }
}

async function scanStack(
  repository: string,
  host: string,
  stack: string,
  snapshots: SnapshotFolder[],
  partials: PartialFolder[],
): Promise<void> {
  const folder = path.join(repository, host, stack)
  const names = new Set(await readdir(folder))
  for (const name of names) {
    const time = parseTimeName(name)
    if (time !== null) {
      snapshots.push({
        id: `${host}/${stack}/${name}`,
        folder: path.join(folder, name),
        host,
        stack,
        time,
        pinned: names.has(name + PIN),
        hasReports: names.has(name + REPORTS),
      })
    } else if (name.endsWith(PARTIAL) && parseTimeName(name.slice(0, -PARTIAL.length)) !== null) {
      partials.push({ folder: path.join(folder, name), host, stack })
    }
  }
}
