import { createHash } from 'node:crypto'

import type { RestorePlan } from '../../contract/model.ts'
import { findBlockers } from './blockers.ts'
import { containerWorks } from './container-works.ts'
import { databaseWorks } from './database-works.ts'
import type { ContainerWork, DatabaseWork, RestoreDesign, TreeWork } from './design.ts'
import { findDifferences } from './differences.ts'
import type { RestoreFacts } from './facts.ts'
import { selectItems } from './selection.ts'
import { restoreSteps } from './steps.ts'
import { treeWorks } from './tree-works.ts'
import { findWarnings } from './warnings.ts'

/**
 * Decides everything about a restore in place. Pure: no files, no network, no clock. The plan in it is
 * shown and, when it has no blockers, executed exactly. Throws `unknown-item` for a name in `only` that the
 * snapshot does not hold.
 */
export function makeRestorePlan(facts: RestoreFacts): RestoreDesign {
  const { snapshot, host } = facts
  const { items, notRestored, lost } = selectItems(snapshot, facts.only)
  const trees = treeWorks(items, facts)
  const databases = databaseWorks(items, facts)
  const containers = containerWorks(trees, databases, facts)
  const works = {
    trees,
    databases,
    containers,
    ...creations(trees, containers, facts),
    replaced: replacedItems(trees, databases, facts),
    incomplete: lost.length > 0,
  }
  const content: Omit<RestorePlan, 'planId'> = {
    host: host.id,
    stack: snapshot.stack.name,
    snapshot: snapshot.id,
    items: items.map(each => each.id),
    steps: restoreSteps(works, facts.policy.healthUrl),
    differences: findDifferences(trees, databases, facts),
    blockers: [
      ...(facts.only === null ? [] : lost.map(id => lostBlocker(id))),
      ...findBlockers({ facts, trees, databases, containers }),
    ],
    warnings: findWarnings(facts, trees, databases, containers),
    notRestored,
  }
  const planId = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
  return { plan: { planId, ...content }, ...works }
}

/** What must be made before anything can be put into it. */
function creations(
  trees: readonly TreeWork[],
  containers: readonly ContainerWork[],
  facts: RestoreFacts,
): Pick<RestoreDesign, 'networks' | 'volumes' | 'folders'> {
  const made = containers.filter(each => each.now === null)
  const mounts = made.flatMap(each => each.recorded?.mounts ?? [])
  const named = new Set([
    ...mounts.filter(each => each.type === 'volume').map(each => each.source),
    ...trees.filter(each => each.mount.type === 'volume').map(each => each.mount.source),
  ])
  const wanted = new Set(made.flatMap(each => each.recorded?.networks ?? []))
  const restored = new Set(trees.map(each => each.mount.mount))
  return {
    networks: facts.definitions.networks.filter(
      each => wanted.has(each.name) && !facts.networks.includes(each.name),
    ),
    volumes: [...named]
      .filter(each => !facts.volumes.includes(each))
      .toSorted()
      .map(
        name =>
          facts.definitions.volumes.find(each => each.name === name) ?? {
            name,
            driver: 'local',
            labels: {},
            options: {},
            raw: null,
          },
      ),
    folders: [
      ...new Set(mounts.filter(each => each.type === 'bind').map(each => each.source)),
    ].filter(
      each => facts.places[`bind:${each}`]?.state === 'absent' && !restored.has(`bind:${each}`),
    ),
  }
}

/**
 * Ledger ids of what is lost by the switch unless it is kept. A server whose databases cannot be asked is
 * kept by its files, if there are any.
 */
function replacedItems(
  trees: readonly TreeWork[],
  databases: readonly DatabaseWork[],
  facts: RestoreFacts,
): readonly string[] {
  const ids = new Set<string>()
  for (const tree of trees.filter(each => each.replaces)) {
    if (tree.archive !== null) ids.add(tree.item)
    for (const { item, record } of tree.files) {
      if (facts.files[record.file?.hostPath ?? '']?.exists !== false) ids.add(item)
    }
  }
  for (const work of databases) {
    const server = facts.servers[work.service]
    if (work.replaces) ids.add(work.item)
    else if (server?.state !== 'ready') {
      for (const mount of dataMountsOf(work.service, facts)) ids.add(mount)
    }
  }
  return [...ids]
}

/** Where a server's files lie, as detection says it; without detection, all that it mounts. */
function dataMountsOf(service: string, facts: RestoreFacts): readonly string[] {
  const detected = facts.inventory?.servers.find(each => each.service === service)
  if (detected !== undefined) return detected.dataMounts
  return facts.definitions.containers
    .filter(each => each.service === service)
    .flatMap(each => each.mounts)
    .filter(each => each.type === 'volume' || each.type === 'bind')
    .map(each => `${each.type}:${each.source}`)
    .filter(each => facts.places[each]?.state === 'present')
}

function lostBlocker(id: string): RestorePlan['blockers'][number] {
  return {
    code: 'restore-failed',
    message: `The snapshot does not hold ${id}: its backup failed.`,
    hint: 'Choose another snapshot (lifeboat snapshots list).',
  }
}
