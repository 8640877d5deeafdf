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

/** The folders and files that are staged and switched, each place once. Pure. */
export function treeWorks(
  items: readonly ManifestItem[],
  facts: RestoreFacts,
): readonly TreeWork[] {
  const sqlite = items.flatMap(item => {
    const place = item.kind === 'sqlite' ? sqlitePlace(item, facts.snapshot) : null
    return place === null ? [] : [{ item, place }]
  })
  const mounts = items.filter(each => each.kind === 'volume' || each.kind === 'bind')
  const trees = mounts.map(item =>
    mountWork(
      item,
      facts,
      sqlite.filter(each => each.place.mount === item.id && each.place.path !== ''),
    ),
  )
  const covered = new Set(trees.flatMap(each => each.items))
  const alone = sqlite
    .filter(each => !covered.has(each.item.id))
    .map(({ item, place }) => sqliteWork(item, place, facts))
  const config = configWorks(
    items.filter(each => each.kind === 'config'),
    facts,
  )
  return [...trees, ...alone, ...config]
}

/** Artifacts of an item. */
export function artifactsOf(item: ManifestItem, snapshot: Manifest): readonly ArtifactRecord[] {
  return snapshot.artifacts.filter(each => item.artifacts.includes(each.path))
}

/** An SQLite file's id is `sqlite:<source of its mount>/<path>`; the mount is the longest that fits. */
export function sqlitePlace(item: ManifestItem, snapshot: Manifest): SqlitePlace {
  const where = item.id.replace(/^sqlite:/, '')
  const told = item.facts as { readonly mount?: unknown; readonly path?: unknown }
  if (typeof told.mount === 'string' && typeof told.path === 'string') {
    return { mount: told.mount, path: told.path }
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

function mountWork(
  item: ManifestItem,
  facts: RestoreFacts,
  sqlite: readonly { readonly item: ManifestItem; readonly place: SqlitePlace }[],
): TreeWork {
  const records = artifactsOf(item, facts.snapshot)
  const archive = records.find(each => each.content === 'tar') ?? null
  const fact = facts.places[item.id]
  const files = sqlite.flatMap(each => filesOfSqlite(each.item, each.place.path, facts.snapshot))
  const replaced = new Set(sqlite.flatMap(({ place }) => logNames(place.path).map(name => name)))
  const keep = stringsOf(item.facts['leftOut']).filter(each => !replaced.has(each))
  const common = {
    item: item.id,
    items: [item.id, ...sqlite.map(each => each.item.id)],
    archive,
    files,
    replaces: fact?.state === 'present',
  }
  if (item.kind === 'bind' && item.facts['singleFile'] === true) {
    const folder = path.posix.dirname(item.source)
    return {
      ...common,
      mount: helperMount(`bind:${folder}`),
      folder: '',
      scope: { kind: 'only', names: [path.posix.basename(item.source)] },
      createFolder: facts.places[`bind:${folder}`]?.state === 'absent',
    }
  }
  return {
    ...common,
    mount: helperMount(item.id),
    folder: '',
    scope: { kind: 'all', keep },
    createFolder: item.kind === 'bind' && fact?.state === 'absent',
  }
}

/** The database file and what SQLite keeps beside it. */
export function logNames(file: string): readonly string[] {
  return [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]
}

/** One file when it was sound; the raw files when it was damaged and kept as it was. */
function filesOfSqlite(item: ManifestItem, place: string, snapshot: Manifest): readonly FileWork[] {
  return artifactsOf(item, snapshot).map(record => {
    const suffix = /-(?:wal|shm|journal)$/.exec(record.name)?.[0] ?? ''
    const isLog = suffix !== '' && !place.endsWith(suffix)
    return { item: item.id, record, path: isLog ? `${place}${suffix}` : place }
  })
}

function sqliteWork(item: ManifestItem, place: SqlitePlace, facts: RestoreFacts): TreeWork {
  const mount = helperMount(place.mount)
  const isMountItself = place.path === ''
  const full = isMountItself ? path.posix.basename(mount.source) : place.path
  const name = path.posix.basename(full)
  const folder = path.posix.dirname(full)
  const holder = isMountItself ? helperMount(`bind:${path.posix.dirname(mount.source)}`) : mount
  return {
    item: item.id,
    items: [item.id],
    mount: holder,
    folder: isMountItself || folder === '.' ? '' : folder,
    scope: { kind: 'only', names: logNames(name) },
    archive: null,
    files: filesOfSqlite(item, name, facts.snapshot),
    replaces: facts.places[place.mount]?.state === 'present',
    createFolder: holder.type === 'bind' && facts.places[holder.mount]?.state === 'absent',
  }
}

/** Configuration files, by the folder in which they lie. */
function configWorks(items: readonly ManifestItem[], facts: RestoreFacts): readonly TreeWork[] {
  const byFolder = new Map<string, FileWork[]>()
  for (const item of items) {
    for (const record of artifactsOf(item, facts.snapshot)) {
      if (record.file === null) continue
      const folder = path.posix.dirname(record.file.hostPath)
      const work = { item: item.id, record, path: path.posix.basename(record.file.hostPath) }
      byFolder.set(folder, [...(byFolder.get(folder) ?? []), work])
    }
  }
  return [...byFolder].toSorted().map(([folder, files]) => ({
    item: `files:${folder}`,
    items: [...new Set(files.map(each => each.item))],
    mount: helperMount(`bind:${folder}`),
    folder: '',
    scope: { kind: 'only', names: files.map(each => each.path) },
    archive: null,
    files,
    replaces: files.some(each => facts.files[each.record.file?.hostPath ?? '']?.exists === true),
    createFolder: facts.places[`bind:${folder}`]?.state === 'absent',
  }))
}
