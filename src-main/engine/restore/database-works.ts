import path from 'node:path'

import type { ManifestItem } from '../store/manifest.ts'
import type { DatabaseWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'
import { artifactsOf } from './tree-works.ts'

/** The databases that are loaded from dumps. Pure. */
export function databaseWorks(
  items: readonly ManifestItem[],
  facts: RestoreFacts,
): readonly DatabaseWork[] {
  const { snapshot } = facts
  const owned = new Set(
    snapshot.items.filter(each => each.kind === 'database').flatMap(each => each.artifacts),
  )
  return items
    .filter(each => each.kind === 'database')
    .map(item => {
      const { service, database } = databaseName(item)
      const folder = `databases/${service}/`
      const own = artifactsOf(item, snapshot)
      // What the whole server shares (roles …) belongs to no database of its own.
      const shared = snapshot.artifacts.filter(
        each => each.name.startsWith(folder) && !owned.has(each.path),
      )
      return {
        item: item.id,
        engine: item.engine ?? '',
        service,
        database,
        artifacts: [...own, ...shared].map(record => ({
          fileName: path.posix.relative(folder, record.name),
          record,
        })),
        facts: item.facts,
        counts: { values: item.counts, exact: item.countsExact },
        replaces: facts.servers[service]?.databases.some(each => each.name === database) ?? false,
      }
    })
}

/** Ids are `database:SERVICE/NAME`; only the name may hold slashes. */
export function databaseName(item: Pick<ManifestItem, 'id' | 'service'>): {
  readonly service: string
  readonly database: string
} {
  const rest = item.id.replace(/^database:/, '')
  const service = item.service ?? rest.slice(0, Math.max(rest.indexOf('/'), 0))
  return { service, database: rest.slice(service.length + 1) }
}
