import type { Item } from '../../contract/model.ts'
import type { Inventory } from '../detect/inventory.ts'
import { isWithin, relativeTo } from '../detect/mounts.ts'

/** Files that belong to an SQLite database and mean nothing without it. */
const companions = ['', '-wal', '-shm', '-journal']

/**
 * Paths inside a copied mount that its copy leaves out: SQLite files, which are taken as safe copies;
 * data folders of dumped servers; and folders inside a bind that have a row of their own.
 */
export function leftOutPaths(
  item: Item,
  items: readonly Item[],
  inventory: Inventory,
): readonly string[] {
  const isFolderHost = inventory.host.kind === 'folder'
  const sqlite = inventory.sqlite
    .filter(each => (isFolderHost ? true : each.mount === item.id) && each.path !== '')
    .flatMap(each => companions.map(suffix => each.path + suffix))
  const data = inventory.servers
    .filter(each => each.facts !== null && each.dataMounts.includes(item.id))
    .flatMap(({ containerId, dataDirectory }) => {
      const mounts = inventory.containers.find(each => each.id === containerId)?.mounts ?? []
      const mount = mounts.find(
        each => `${each.type}:${each.source}` === item.id && isWithin(dataDirectory, each.target),
      )
      const inside = mount === undefined ? '' : relativeTo(mount.target, dataDirectory)
      return inside === '' ? [] : [inside]
    })
  const inner = items
    .filter(row => row.kind === 'bind' && item.kind === 'bind' && row !== item)
    .filter(row => row.takenWith === undefined && row.source !== item.source)
    .filter(row => isWithin(row.source, item.source))
    .map(row => relativeTo(item.source, row.source))
  return [...new Set([...sqlite, ...data, ...inner])].toSorted()
}
