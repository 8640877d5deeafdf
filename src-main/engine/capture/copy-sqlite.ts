import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { FileEntry, Item } from '../../contract/model.ts'
import type { SqliteCopy } from '../databases/sqlite.ts'
import { copySqliteLocal, settleSqliteCopy } from '../databases/sqlite.ts'
import type { DetectedSqlite } from '../detect/inventory.ts'
import type { ProvenStream } from '../lib/proven-stream.ts'
import type { ConfigFile } from './config-files.ts'
import type { CaptureContext } from './context.ts'
import { fetchFiles } from './fetch-files.ts'
import type { FileFacts, ItemRun } from './item-runs.ts'
import { localFileReader } from './local-files.ts'
import type { StoredArtifact } from './sink.ts'

/** Files beside a database that belong to it: what it has not written back yet, and shared memory. */
export const sqliteCompanions = ['-wal', '-journal', '-shm'] as const

/** A database that lies on this computer, or can be copied safely at any time, and is yet to be stored. */
export interface PendingSqlite {
  readonly id: string
  settle(): Promise<SqliteCopy>
  readonly facts: FileFacts
}

/**
 * Takes an SQLite database with its logs while its writers are quiet. What is fetched from a Docker host is
 * a picture of one moment, as after a power cut; it is recovered later, on this computer. On a folder host
 * SQLite's own online copy is taken at once.
 */
export async function fetchSqlite<R extends StoredArtifact>(
  context: CaptureContext<R>,
  run: ItemRun<R>,
  index: number,
): Promise<PendingSqlite> {
  const { item } = run
  const found = context.inventory.sqlite.find(each => each.item === item.id)
  if (found === undefined) throw gone(item)
  const workFolder = path.join(context.workFolder, `sqlite-${index}`)
  return context.host.kind === 'folder'
    ? fetchLocal(context, run, found, workFolder)
    : fetchFromHelper(context, run, found, workFolder)
}

async function fetchFromHelper<R extends StoredArtifact>(
  { helper, compression, signal }: CaptureContext<R>,
  { item, advance }: ItemRun<R>,
  found: DetectedSqlite,
  folder: string,
): Promise<PendingSqlite> {
  const root = found.mount === null ? null : (helper?.pathOf(found.mount) ?? null)
  if (helper === null || root === null) throw gone(item)
  const file = found.path === '' ? root : `${root}/${found.path}`
  const files = new Map([
    [file, 'database'],
    [`${file}-wal`, 'database-wal'],
    [`${file}-journal`, 'database-journal'],
  ])
  const { place, tools } = helper
  const options = { place, tools, files, folder, compression, signal, onBytes: advance }
  const entries = await fetchFiles(options)
  const entry = entries.get(file)
  if (entry === undefined) throw gone(item)
  return {
    id: item.id,
    facts: factsOf(found, entry),
    settle: () => settleSqliteCopy(folder, 'database', { signal }),
  }
}

async function fetchLocal<R extends StoredArtifact>(
  { inventory, signal }: CaptureContext<R>,
  { item, advance }: ItemRun<R>,
  found: DetectedSqlite,
  workFolder: string,
): Promise<PendingSqlite> {
  const hostPath = path.resolve(inventory.workingDirectory ?? '/', found.path)
  const file = (await localFileReader('without-content').read([hostPath], signal)).get(hostPath)
  if (file === undefined) throw gone(item)
  const copy = await copySqliteLocal(hostPath, { workFolder, signal })
  advance(copy.sizeBytes)
  return { id: item.id, facts: factsOfFile(file), settle: () => Promise.resolve(copy) }
}

/** Settles a fetched database into one file without logs, checks it, and stores it. */
export async function storeSqlite<R extends StoredArtifact>(
  context: CaptureContext<R>,
  run: ItemRun<R>,
  pending: PendingSqlite,
): Promise<void> {
  const { sink, inventory, signal } = context
  const { item } = run
  const found = inventory.sqlite.find(each => each.item === item.id)
  const copy = await pending.settle()
  try {
    const store = async (
      suffix: string,
      content: 'sqlite' | 'bytes',
      source: ProvenStream,
    ): Promise<void> => {
      const name = `databases/sqlite/${nameOf(found)}${suffix}`
      const spec = { path: name, item: item.id, content, codec: 'zstd', signal } as const
      run.add(await sink.addArtifact(spec, source), pending.facts)
    }
    run.facts({ mount: found?.mount ?? null, path: found?.path ?? null })
    for (const warning of copy.warnings) run.warn(warning)
    if (copy.integrity === 'ok') {
      await store('', 'sqlite', await copy.open())
      run.counts(copy.counts.values, copy.counts.exact)
      return
    }
    for (const raw of copy.raw) await store(suffixOf(raw.fileName), 'bytes', await raw.open())
    throw damaged(item)
  } finally {
    await copy.dispose()
  }
}

function suffixOf(fileName: string): string {
  return sqliteCompanions.find(each => fileName.endsWith(each)) ?? ''
}

function nameOf(found: DetectedSqlite | undefined): string {
  if (found === undefined) return 'unknown'
  const mount = (found.mount ?? '').replace(/^(?:volume|bind):/, '').replace(/^\/+/, '')
  return [mount, found.path].filter(each => each !== '').join('/')
}

function factsOf({ mount, path: inside }: DetectedSqlite, entry: FileEntry): FileFacts {
  const source = (mount ?? '').replace(/^(?:volume|bind):/, '')
  return {
    hostPath: inside === '' ? source : `${source}/${inside}`,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    modified: entry.modified,
    kind: 'file',
    linkTarget: null,
  }
}

function factsOfFile(file: ConfigFile): FileFacts {
  const { hostPath, mode, uid, gid, modified, kind, linkTarget } = file
  return { hostPath, mode, uid, gid, modified, kind, linkTarget }
}

function gone(item: Item): AppError {
  return new AppError('path-missing', {
    message: `The SQLite database ${item.source} is not there any more.`,
    state: NOTHING_CHANGED,
    hint: 'Look at the stack again (lifeboat stacks), then repeat the backup.',
  })
}

function damaged(item: Item): AppError {
  return new AppError('dump-incomplete', {
    message: `The SQLite database ${item.source} is damaged: it does not pass its integrity check.`,
    state:
      'Its files were kept in the snapshot as they are. The database on the host is untouched.',
    hint: 'Restore it from an earlier snapshot, or repair it with `sqlite3 FILE .recover`.',
  })
}
