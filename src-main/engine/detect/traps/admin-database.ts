import { posix } from 'node:path'

import type { Finding } from '../../../contract/model.ts'
import { type AdminDatabase, adminDatabase } from '../admin-database.ts'
import type { ServiceContainer } from '../facts.ts'
import { mountHolding, relativeTo } from '../mounts.ts'
import { sqliteId } from '../rows/sqlite-rows.ts'
import type { StackView } from '../view.ts'
import { finding, type Trap } from './trap.ts'

/** Says which of its two databases a gptchat uses, and whether that one is in reach. */
export const gptchatDatabase: Trap = view =>
  view.facts.group.containers.flatMap(container => {
    const chosen = adminDatabase(container.env)
    if (chosen === null) return []
    return [
      chosen.type === 'sqlite'
        ? onSqlite(view, container, chosen)
        : onPostgres(view, container, chosen),
    ]
  })

function onSqlite(view: StackView, container: ServiceContainer, chosen: AdminDatabase): Finding {
  const raw = container.raw as { readonly Config?: { readonly WorkingDir?: unknown } } | null
  const folder = typeof raw?.Config?.WorkingDir === 'string' ? raw.Config.WorkingDir : '/'
  const path = chosen.path === null ? null : posix.resolve('/', folder, chosen.path)
  const holding = path === null ? null : mountHolding(container, path, view.mounts)
  if (path !== null && holding === null) {
    return finding(
      'critical',
      'admin-database',
      null,
      `${container.service} uses SQLite (${chosen.variable}) at ${path}, which lies inside the container and on no volume.`,
      'Mount a volume there; copy the file out of the container first (docker cp).',
    )
  }
  const item =
    holding === null || path === null
      ? null
      : sqliteId(holding.mount, relativeTo(holding.user.target, path))
  return finding(
    'info',
    'admin-database',
    item,
    `${container.service} uses SQLite as its database (${chosen.variable}${path === null ? '' : `, ${path}`}).`,
    'A Postgres in the same stack, if there is one, is backed up too.',
  )
}

function onPostgres(view: StackView, container: ServiceContainer, chosen: AdminDatabase): Finding {
  const server = view.servers.find(
    each => chosen.host === each.container.service || chosen.host === each.container.name,
  )
  const name = chosen.name ?? ''
  return finding(
    'info',
    'admin-database',
    server === undefined ? null : `database:${server.container.service}/${name}`,
    `${container.service} uses Postgres as its database (${chosen.variable}${chosen.host === null ? '' : `, ${name} on ${chosen.host}`}).`,
    'An SQLite file that is left from before is backed up too, but the app does not use it.',
  )
}
