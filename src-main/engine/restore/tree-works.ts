import path from 'node:path'

import type { ArtifactRecord, Manifest, ManifestItem } from '../store/manifest.ts'
import type { FileWork, TreeWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'

/** Where an SQLite file lies. */
interface SqlitePlace {
  /** Ledger id of the volume or bind. */
  readonly mount: string
  /** Path in it; '' when the mount is the file itself. */
  readonly path: string
}

/** A file that may be put into a folder that is restored as a whole, or be restored by itself. */
interface LooseFile extends FileWork {
  /** Ledger id of a volume, or of the bind of its folder. */
  readonly mount: string
  /** Path below that mount. */
  readonly path: string
  /** What lies beside it and belongs to it, by path; the file itself among them. */
  readonly names: readonly string[]
}

/** The folders and files that are staged and switched, each place once. Pure. */
export function treeWorks(
  items: readonly ManifestItem[],
  facts: RestoreFacts,
): readonly TreeWork[] {
  const loose = [...configFiles(items, facts.snapshot), ...sqliteFiles(items, facts.snapshot)]
  const taken = new Set<LooseFile>()
  const trees = items
    .filter(each => each.kind === 'volume' || each.kind === 'bind')
    .map(item => {
      const own = loose.flatMap(file => {
        const path = taken.has(file) ? null : pathBelow(item, file, facts)
        if (path === null) return []
        taken.add(file)
        return [{ file, path }]
      })
      return mountWork(item, facts, own)
    })
  const alone = groupByFolder(loose.filter(each => !taken.has(each)))
  return [...alone.map(each => fileWork(each, facts)), ...trees]
}

/** Where a file lies below a folder that is restored as a whole; null when it does not. */
function pathBelow(item: ManifestItem, file: LooseFile, facts: RestoreFacts): string | null {
  if (facts.singleFiles.includes(item.id)) return null
  if (file.mount === item.id) return file.path
  if (item.kind !== 'bind' || !file.mount.startsWith('bind:')) return null
  const full = path.posix.join(file.mount.slice('bind:'.length), file.path)
  const base = item.source.replace(/\/+$/, '')
  return full.startsWith(`${base}/`) ? full.slice(base.length + 1) : null
}

/** Artifacts of an item. */
export function artifactsOf(item: ManifestItem, snapshot: Manifest): readonly ArtifactRecord[] {
  return snapshot.artifacts.filter(each => item.artifacts.includes(each.path))
}

/** An SQLite file's id is `sqlite:<source of its mount>/<path>`; the mount is the longest that fits. */
export function sqlitePlace(item: ManifestItem, snapshot: Manifest): SqlitePlace {
  const where = item.id.replace(/^sqlite:/, '')
  const told = item.facts as { readonly mount?: unknown; readonly path?: unknown }
  if (typeof told.path === 'string') {
    // On a folder host there are no mounts: all lies in the stack's folder.
    const folder = `bind:${snapshot.stack.workingDirectory ?? ''}`
    return { mount: typeof told.mount === 'string' ? told.mount : folder, path: told.path }
  }
  const candidates = snapshot.items
    .filter(each => each.kind === 'volume' || each.kind === 'bind')
    .filter(
      each => where === each.source || where.startsWith(`${each.source.replace(/\/+$/, '')}/`),
    )
    .toSorted((a, b) => b.source.length - a.source.length)
  const mount = candidates[0]
  if (mount !== undefined) {
    return {
      mount: mount.id,
      path: where.slice(mount.source.replace(/\/+$/, '').length + 1),
    }
  }
  const isPath = where.startsWith('/')
  const cut = isPath ? where.lastIndexOf('/') : where.indexOf('/')
  return {
    mount: `${isPath ? 'bind' : 'volume'}:${where.slice(0, cut)}`,
    path: where.slice(cut + 1),
  }
}

function helperMount(id: string): TreeWork['mount'] {
  const type = id.startsWith('volume:') ? 'volume' : 'bind'
  return { mount: id, type, source: id.slice(id.indexOf(':') + 1), readOnly: false }
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

/** The database file and what SQLite keeps beside it. */
export function logNames(file: string): readonly string[] {
  return [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]
}

function configFiles(items: readonly ManifestItem[], snapshot: Manifest): readonly LooseFile[] {
  const seen = new Set<string>()
  return items
    .filter(each => each.kind === 'config')
    .flatMap(item =>
      artifactsOf(item, snapshot).flatMap(record => {
        const hostPath = record.file?.hostPath
        // Two items may lead to one file by their links.
        if (hostPath === undefined || seen.has(hostPath)) return []
        seen.add(hostPath)
        const name = path.posix.basename(hostPath)
        const mount = `bind:${path.posix.dirname(hostPath)}`
        return [{ item: item.id, record, mount, path: name, names: [name] }]
      }),
    )
}

/** One file when it was sound; the raw files when it was damaged and kept as it was. */
function sqliteFiles(items: readonly ManifestItem[], snapshot: Manifest): readonly LooseFile[] {
  return items
    .filter(each => each.kind === 'sqlite')
    .flatMap(item => {
      const place = sqlitePlace(item, snapshot)
      const source = place.mount.slice(place.mount.indexOf(':') + 1)
      // A mount that is the file itself: it is replaced in the folder above.
      const at =
        place.path === ''
          ? { mount: `bind:${path.posix.dirname(source)}`, path: path.posix.basename(source) }
          : place
      return artifactsOf(item, snapshot).map(record => {
        const suffix = /-(?:wal|shm|journal)$/.exec(record.name)?.[0] ?? ''
        const isLog = suffix !== '' && !at.path.endsWith(suffix)
        return {
          item: item.id,
          record,
          mount: at.mount,
          path: isLog ? `${at.path}${suffix}` : at.path,
          names: logNames(at.path),
        }
      })
    })
}

function mountWork(
  item: ManifestItem,
  facts: RestoreFacts,
  own: readonly { readonly file: LooseFile; readonly path: string }[],
): TreeWork {
  const archive = artifactsOf(item, facts.snapshot).find(each => each.content === 'tar') ?? null
  const leftOut = stringsOf(item.facts['leftOut'])
  const replaced = new Set(
    own.flatMap(({ file, path: at }) =>
      file.names.map(name => path.posix.join(path.posix.dirname(at), path.posix.basename(name))),
    ),
  )
  const common = {
    item: item.id,
    items: [...new Set([item.id, ...own.map(each => each.file.item)])],
    archive,
    // What the archive holds as well comes from there, with its exact times and attributes.
    files: own
      .filter(({ path: at }) => leftOut.some(each => at === each || at.startsWith(`${each}/`)))
      .map(({ file, path: at }) => ({ item: file.item, record: file.record, path: at })),
    replaces: facts.places[item.id]?.state === 'present',
  }
  if (facts.singleFiles.includes(item.id)) {
    const folder = `bind:${path.posix.dirname(item.source)}`
    return {
      ...common,
      mount: helperMount(folder),
      folder: '',
      scope: { kind: 'only', names: [path.posix.basename(item.source)] },
      createFolder: facts.places[folder]?.state === 'absent',
    }
  }
  return {
    ...common,
    mount: helperMount(item.id),
    folder: '',
    scope: {
      kind: 'all',
      keep: leftOut.filter(each => !replaced.has(each)),
    },
    createFolder: item.kind === 'bind' && facts.places[item.id]?.state === 'absent',
  }
}

/** Files that lie in one folder are switched together. */
function groupByFolder(files: readonly LooseFile[]): readonly (readonly LooseFile[])[] {
  const groups = new Map<string, LooseFile[]>()
  for (const file of files) {
    const key = `${file.mount}/${path.posix.dirname(file.path)}`
    groups.set(key, [...(groups.get(key) ?? []), file])
  }
  return [...groups].toSorted(([a], [b]) => a.localeCompare(b)).map(([, group]) => group)
}

function fileWork(files: readonly LooseFile[], facts: RestoreFacts): TreeWork {
  const [first] = files
  if (first === undefined) throw new Error('a group of files has one at least')
  const mount = helperMount(first.mount)
  const folder = path.posix.dirname(first.path)
  const base = (name: string): string => path.posix.basename(name)
  const items = [...new Set(files.map(each => each.item))]
  const known = files.map(each => facts.files[each.record.file?.hostPath ?? '']?.exists)
  return {
    item: items.length === 1 && items[0] !== undefined ? items[0] : `files:${mount.source}`,
    items,
    mount,
    folder: folder === '.' ? '' : folder,
    scope: { kind: 'only', names: [...new Set(files.flatMap(each => each.names.map(base)))] },
    archive: null,
    files: files.map(each => ({ item: each.item, record: each.record, path: base(each.path) })),
    replaces: known.some(each => each ?? facts.places[mount.mount]?.state === 'present'),
    createFolder: mount.type === 'bind' && facts.places[mount.mount]?.state === 'absent',
  }
}
