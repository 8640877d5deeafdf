import type { Finding, Item, ServiceSummary } from '../../contract/model.ts'
import { composeLabels } from './compose-labels.ts'
import type { ServiceContainer, StackFacts } from './facts.ts'
import type { DetectedServer, DetectedSqlite } from './inventory.ts'
import { applyPolicy } from './policy.ts'
import { settle } from './quiesce.ts'
import { configRows } from './rows/config-rows.ts'
import { databaseRows } from './rows/database-rows.ts'
import { mountRows } from './rows/mount-rows.ts'
import { findSqlite, sqliteRows } from './rows/sqlite-rows.ts'
import { findTraps } from './traps/all.ts'
import { layerRows } from './traps/data-folder.ts'
import { type StackView, viewOf } from './view.ts'

/** What is computed from the facts of a stack. */
export interface Ledger {
  readonly items: readonly Item[]
  readonly findings: readonly Finding[]
  readonly services: readonly ServiceSummary[]
  readonly servers: readonly DetectedServer[]
  readonly sqlite: readonly DetectedSqlite[]
}

/**
 * Computes the ledger of a stack from its facts: pure, so that every rule can be tested without an
 * engine. Every mount, database, file and secret in the facts has its row (nothing unaccounted for).
 */
export function buildLedger(facts: StackFacts): Ledger {
  const view = viewOf(facts)
  const mounts = mountRows(view)
  const sqlite = findSqlite(view, mounts)
  const rows = [
    ...configRows(view),
    ...databaseRows(view),
    ...sqliteRows(view, sqlite),
    ...mounts,
    ...layerRows(view),
  ]
  const { containers } = facts.group
  const items = settle(applyPolicy(rows, facts.policy), containers, facts.policy)
  return {
    items,
    findings: findTraps(view, items),
    services: services(view),
    servers: servers(view),
    sqlite: sqlite.map(({ item, mount, path, sizeBytes, hasLog }) => ({
      item,
      mount,
      path,
      sizeBytes,
      hasLog,
    })),
  }
}

function servers(view: StackView): readonly DetectedServer[] {
  return view.servers.map(({ container, detected, probe, dataDirectory, data, below }) => ({
    service: container.service,
    containerId: container.id,
    engine: detected.engine,
    facts: probe.facts,
    problem: probe.problem,
    dataDirectory,
    dataMounts: [...(data === null ? [] : [data.mount.id]), ...below.map(each => each.id)],
  }))
}

/** Names of the services that a container's label says it depends on. */
export function dependsOnLabel(container: ServiceContainer): readonly string[] | null {
  const label = container.labels[composeLabels.dependsOn]
  if (label === undefined) return null
  return label
    .split(',')
    .map(each => each.split(':', 1)[0]?.trim() ?? '')
    .filter(each => each !== '')
}

function services(view: StackView): readonly ServiceSummary[] {
  const { group, definition } = view.facts
  const present = group.containers.map((container): ServiceSummary => {
    const role = view.roleOf(container)
    const probe = view.facts.servers.find(each => each.containerId === container.id)
    const defined = definition?.services.find(each => each.name === container.service)
    return {
      name: container.service,
      image: container.image,
      containerId: container.id,
      state: container.state,
      health: container.health,
      engine: role.database?.engine ?? role.store?.id ?? null,
      version: probe?.facts?.version ?? null,
      dependsOn: dependsOnLabel(container) ?? defined?.dependsOn ?? [],
    }
  })
  const names = new Set(present.map(each => each.name))
  const missing = (definition?.services ?? [])
    .filter(each => !names.has(each.name))
    .map((each): ServiceSummary => ({
      name: each.name,
      image: each.image ?? '',
      containerId: '',
      state: 'missing',
      health: null,
      engine: null,
      version: null,
      dependsOn: each.dependsOn,
    }))
  return [...present, ...missing]
}
