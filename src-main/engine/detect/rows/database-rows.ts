import type { Item } from '../../../contract/model.ts'
import type { ServerView, StackView } from '../view.ts'
import { leftOut } from './left-out.ts'
import { blank, listed } from './row.ts'

/** Rows for database servers: one for each database, or one for the whole server that cannot be dumped. */
export function databaseRows(view: StackView): readonly Item[] {
  return view.servers
    .flatMap(server =>
      server.probe.facts === null ? [undumped(view, server)] : dumped(server, server.probe.facts),
    )
    .toSorted((a, b) => a.id.localeCompare(b.id))
}

function common(
  server: ServerView,
): Pick<Item, 'kind' | 'engine' | 'service' | 'writers' | 'target'> {
  const { container, detected, dataDirectory } = server
  return {
    kind: 'database',
    engine: detected.engine,
    service: container.service,
    writers: [container.service],
    target: dataDirectory,
  }
}

function dumped(
  server: ServerView,
  facts: NonNullable<ServerView['probe']['facts']>,
): readonly Item[] {
  const { service } = server.container
  return facts.databases.map(database => ({
    ...blank,
    ...common(server),
    id: `database:${service}/${database.name}`,
    source: database.name,
    sizeBytes: database.sizeBytes,
    criticality: database.criticality,
    ...(database.system
      ? {
          decision: 'exclude',
          reason: "The engine's own database, made anew with every server.",
        }
      : {
          decision: 'include',
          method: 'dump',
          consistency: 'app-consistent',
          reason: `Dumped by the server's own tool while it runs (login by ${facts.credentialSource}).`,
        }),
  }))
}

/**
 * A server that cannot be dumped now (rule B2). Its databases lie in the data folder, which is copied
 * while it is stopped; without a mount there is nothing that could be copied.
 */
function undumped(view: StackView, server: ServerView): Item {
  const { container, detected, probe } = server
  const problem = (probe.problem ?? 'unknown reason').replace(/[.\s]+$/, '')
  const declared = detected.databases ?? []
  const names = declared.length === 0 ? '' : ` Declared: ${listed(declared)}.`
  const row = {
    ...blank,
    ...common(server),
    id: `database:${container.service}/*`,
    source: declared.length === 0 ? '*' : declared.join(', '),
    criticality: 'critical',
  } as const
  const left = server.data === null ? null : leftOut(view, server.data.mount)
  if (server.data === null || left !== null) {
    const where =
      server.data === null ? "the container's own layer, on no volume" : server.data.mount.id
    return {
      ...row,
      decision: 'cannot',
      reason: `Cannot be captured: no dump (${problem}), and its files lie in ${where}.${names}`,
    }
  }
  return {
    ...row,
    decision: 'include',
    method: 'stopped-copy',
    consistency: 'app-consistent',
    takenWith: server.data.mount.id,
    reason: `Crash-safe copy, not a dump, because there is no dump: ${problem}. Its files are copied with ${server.data.mount.id}.${names}`,
  }
}
