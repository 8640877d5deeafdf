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
  return items
    .filter(each => each.kind === 'database')
    .map(item => {
      const { service, database } = databaseName(item)
      const folder = `databases/${service}/`
      return {
        item: item.id,
        engine: item.engine ?? '',
        service,
        database,
        // What the whole server shares (roles …) is among the artifacts of each of its databases.
        artifacts: artifactsOf(item, snapshot).map(record => ({
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
