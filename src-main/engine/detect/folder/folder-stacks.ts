import type { Dirent } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { FolderHost } from '../../hosts/host.ts'
import type { EngineDeps } from '../../ports.ts'
import { readComposeFile } from '../compose-file.ts'
import { parseEnvFile } from '../dotenv.ts'
import type { Inventory } from '../inventory.ts'
import { folderInventory } from './folder-ledger.ts'
import { composeNames, type FolderScan, isEnvName, isSqlite, scanFolder } from './scan.ts'

/**
 * The stacks of a folder host: the folder itself when a Compose file, an `.env` or an SQLite database lies
 * directly in it, and each sub-folder that has one. Inside a folder that is a stack, a sub-folder is a stack
 * of its own only by a Compose file or `.env`; its databases belong to the outer one otherwise.
 */
export async function detectFolderStacks(
  host: FolderHost,
  deps: EngineDeps,
  signal: AbortSignal,
): Promise<readonly Inventory[]> {
  const root = path.resolve(host.path)
  const entries = await list(root)
  const rootIsStack = await hasMarker(root, entries, true)
  const children = entries.filter(each => each.isDirectory() && !each.name.startsWith('.'))
  const settings = await deps.settings.read()
  const scans: FolderScan[] = []
  const ownStacks = new Set<string>()
  for (const { name } of children) {
    const folder = path.join(root, name)
    const marked = await hasMarker(folder, await list(folder).catch(() => []), false)
    if (!marked && rootIsStack) continue
    const scan = await scanFolder(folder, new Set(), signal)
    if (!marked && scan.sqlite.length === 0) continue
    scans.push(scan)
    ownStacks.add(folder)
  }
  if (rootIsStack) scans.unshift(await scanFolder(root, ownStacks, signal))
  const inventories: Inventory[] = []
  const names = new Set<string>()
  for (const scan of scans) {
    let name = path.basename(scan.folder) === '' ? 'root' : path.basename(scan.folder)
    while (names.has(name)) name = `${name}.folder`
    names.add(name)
    inventories.push(
      folderInventory({
        host: host.summary,
        takenAt: deps.clock.now().toISOString(),
        name,
        scan,
        ownStacks: scan.folder === root ? [...ownStacks] : [],
        environment: await environmentOf(scan),
        definition: await definitionOf(scan),
        policies: settings.policies,
      }),
    )
  }
  return inventories.toSorted((a, b) => a.stack.name.localeCompare(b.stack.name))
}

async function list(folder: string): Promise<readonly Dirent[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    )
  } catch (error) {
    throw new AppError(
      'path-missing',
      {
        message: `The folder ${folder} cannot be read.`,
        state: NOTHING_CHANGED,
        hint: 'Look whether it exists and whether you may read it.',
        details: String(error),
      },
      error,
    )
  }
}

async function hasMarker(
  folder: string,
  entries: readonly Dirent[],
  withDatabases: boolean,
): Promise<boolean> {
  for (const entry of entries) {
    if (!entry.isFile()) continue
    if (composeNames.has(entry.name) || isEnvName(entry.name)) return true
    const file = path.join(folder, entry.name)
    if (withDatabases && (await isSqlite(file).catch(() => false))) return true
  }
  return false
}

async function environmentOf(scan: FolderScan): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {}
  for (const { path: file } of scan.files.filter(each => each.kind === 'env')) {
    Object.assign(values, parseEnvFile(await readFile(file, 'utf8').catch(() => '')))
  }
  return values
}

async function definitionOf(scan: FolderScan): Promise<ReturnType<typeof readComposeFile> | null> {
  const file = scan.files.find(each => each.kind === 'compose')?.path
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '')
  return file === undefined
    ? null
    : readComposeFile({ path: file, text, baseDirectory: scan.folder }, {})
}
