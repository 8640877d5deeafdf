import type { Criticality } from '../../contract/model.ts'
import type { ContainerDefinition } from '../hosts/host.ts'
import { imageName, tagVersion } from './image-name.ts'
import { databasePorts, knownStores } from './known-stores.ts'

/**
 * A program that keeps data which must not be copied while it writes, and for which there is no dump
 * driver: its files are copied while it is stopped. Recognised by its image, or by a mount at a folder
 * that only this program uses.
 */
export interface Store {
  readonly id: string
  readonly label: string
  readonly criticality: Criticality
  /** Tested against the image's path without registry and tag. */
  readonly images: RegExp
  /** Where it keeps data, in the order in which a mount is looked for. */
  readonly dataDirectories: readonly string[]
  /** Those of `dataDirectories` that nothing else uses. */
  readonly ownDirectories: readonly string[]
  /** The folder to which this very container writes, where that depends on its version or settings. */
  readonly directoryOf: ((container: Pick<ContainerDefinition, 'image' | 'env'>) => string) | null
}

function parseStore(line: string): Store {
  const [id = '', label = '', criticality = '', images = '', folders = ''] = line
    .split('|')
    .map(each => each.trim())
  const names = images.split(/\s+/).map(each => each.replaceAll('*', '[a-z0-9._-]*'))
  const directories = folders.split(/\s+/)
  return {
    id,
    label,
    criticality: criticality as Criticality,
    images: new RegExp(`(?:^|/)(?:${names.join('|')})$`),
    dataDirectories: directories.map(each => each.replace('!', '')),
    ownDirectories: directories.filter(each => each.startsWith('!')).map(each => each.slice(1)),
    directoryOf: id === 'chroma' ? chromaDirectory : null,
  }
}

const stores: readonly Store[] = knownStores.trim().split(/\n+/).map(parseStore)

/**
 * Where a Chroma container really writes: images before 1.0 to `/chroma/chroma`, from 1.0 on to `/data`,
 * unless it is told otherwise.
 */
function chromaDirectory({ image, env }: Pick<ContainerDefinition, 'image' | 'env'>): string {
  const old = (tagVersion(imageName(image).tag)?.[0] ?? 1) < 1
  const set = env['CHROMA_PERSIST_PATH'] ?? env['PERSIST_DIRECTORY'] ?? ''
  if (set.startsWith('/')) return set.replace(/(?<=.)\/+$/, '')
  if (old) return set === '' ? '/chroma/chroma' : `/chroma/${set.replace(/^\.\//, '')}`
  return '/data'
}

/**
 * The store that a container runs, or null. Images that merely speak of a database (exporters, consoles,
 * proxies, backup programs) match no entry: the image's last name part must be the database's own.
 */
export function storeOf(container: Pick<ContainerDefinition, 'image' | 'mounts'>): Store | null {
  const { path } = imageName(container.image)
  const byImage = path === '' ? undefined : stores.find(each => each.images.test(path))
  if (byImage !== undefined) return byImage
  const writable = container.mounts.filter(mount => !mount.readOnly && mount.type !== 'tmpfs')
  const targets = new Set(writable.map(mount => mount.target.replace(/\/+$/, '')))
  return stores.find(each => each.ownDirectories.some(folder => targets.has(folder))) ?? null
}

/** The label of a store by its id; the id itself when it is not known. */
export function storeLabel(id: string): string {
  return stores.find(each => each.id === id)?.label ?? id
}

/** What a container probably is by a port that it exposes; null when no port tells. */
export function databasePortOf(
  container: Pick<ContainerDefinition, 'ports'>,
): { readonly port: number; readonly label: string } | null {
  for (const { container: exposed } of container.ports) {
    const port = Number(exposed.split('/', 1)[0])
    const label = databasePorts.get(port)
    if (label !== undefined) return { port, label }
  }
  return null
}
