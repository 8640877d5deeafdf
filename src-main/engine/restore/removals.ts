import type { RestoreStep } from '../../contract/model.ts'
import type { RestoreDesign, TreeWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'
import type { TreeScope } from './tree/tree-place.ts'
import type { UndoRecord } from './undo-record.ts'

/**
 * Adds to the plan of an undo what the restore had made and what is therefore removed again: trees where
 * nothing had been before become empty, and databases, containers, volumes, networks and folders go. Pure.
 */
export function withRemovals(
  design: RestoreDesign,
  record: UndoRecord,
  facts: RestoreFacts,
): RestoreDesign {
  const emptied = emptiedTrees(design, record, facts)
  const removed = new Set(record.created.containers)
  const containers = design.containers.map(each =>
    removed.has(each.name)
      ? { ...each, stops: true, runsAfter: false, servesDatabase: false }
      : each,
  )
  const kept = new Set([
    ...design.replaced,
    ...emptied.map(each => each.item),
    ...record.databases.map(each => each.item),
    ...record.created.volumes.map(each => `volume:${each}`),
  ])
  const known = new Set(facts.inventory?.stack.items.map(each => each.id))
  const steps = [
    ...design.plan.steps.slice(0, -1),
    ...removalSteps(emptied, record),
    ...design.plan.steps.slice(-1),
  ].map((each, index) => ({ ...each, order: index + 1 }))
  return {
    ...design,
    trees: [...design.trees, ...emptied],
    containers,
    // What the ledger does not know holds no data that could be kept.
    replaced: [...kept].filter(each => design.replaced.includes(each) || known.has(each)),
    plan: { ...design.plan, steps, planId: `${design.plan.planId}-undo` },
  }
}

function emptiedTrees(
  design: RestoreDesign,
  record: UndoRecord,
  facts: RestoreFacts,
): readonly TreeWork[] {
  const taken = new Set(design.trees.map(each => `${each.mount.mount}/${each.folder}`))
  return record.emptied.flatMap((each): readonly TreeWork[] => {
    const mount = `${each.mountType}:${each.source}`
    const goesAsAWhole = each.mountType === 'volume' && record.created.volumes.includes(each.source)
    if (goesAsAWhole || facts.places[mount]?.state === 'absent') return []
    const scope = JSON.parse(each.scope) as TreeScope
    // A tree that the safety snapshot holds as well is replaced by that.
    if (scope.kind === 'all' && taken.has(`${mount}/${each.folder}`)) return []
    return [
      {
        item: each.item,
        items: [each.item],
        mount: { mount, type: each.mountType, source: each.source, readOnly: false },
        folder: each.folder,
        scope,
        archive: null,
        files: [],
        replaces: true,
        createFolder: false,
      },
    ]
  })
}

function removalSteps(
  emptied: readonly TreeWork[],
  { created, databases }: UndoRecord,
): readonly RestoreStep[] {
  const step = (detail: string, item: string | null): RestoreStep => ({
    order: 0,
    action: 'finish',
    item,
    service: null,
    detail,
    changes: true,
  })
  return [
    ...emptied.map(each => step(`Empty ${each.item}: there was nothing before.`, each.item)),
    ...databases
      .filter(each => !each.replaced)
      .map(each => step(`Remove ${each.item}: it was not there before.`, each.item)),
    ...(databases.length === 0
      ? []
      : [step('Remove roles and users that the restore made, unless something uses them.', null)]),
    ...(['containers', 'volumes', 'networks', 'folders'] as const).flatMap(kind =>
      created[kind].map(name =>
        step(`Remove the ${kind.slice(0, -1)} ${name}: the restore made it.`, null),
      ),
    ),
  ]
}
