import { readJournals } from '../jobs/journal.ts'
import type { Repository } from '../store/repository.ts'
import type { TreeWork } from './design.ts'
import type { RestoreFacts } from './facts.ts'
import { TREE } from './item-actions.ts'
import type { RestoreRun } from './run-context.ts'
import { nothingCreated } from './run-context.ts'
import type { UndoRecord } from './undo-record.ts'
import { writeUndo } from './undo-record.ts'

/** Notes how an accepted restore can be undone. */
export async function writeUndoOf(
  run: RestoreRun,
  repository: Repository,
  safetySnapshot: string,
  until: Date,
): Promise<void> {
  const { deps, facts, design, host, job } = run
  const journals = await readJournals(deps.paths.state)
  const restore = journals.find(each => each.jobId === job.jobId)?.restore ?? null
  const items = restore?.items ?? []
  const replaced = new Set(design.databases.filter(each => each.replaces).map(each => each.item))
  const record: UndoRecord = {
    schemaVersion: 1,
    restore: run.restoreId,
    host: host.summary.id,
    stack: facts.snapshot.stack.name,
    at: deps.clock.now().toISOString(),
    until: until.toISOString(),
    safetySnapshot,
    repository: repository.path,
    snapshot: facts.snapshot.id,
    partial: facts.only !== null,
    created: mutable(restore?.created ?? nothingCreated),
    emptied: design.trees.flatMap(each => emptiedBy(each, facts)),
    databases: items
      .filter(each => each.driver !== TREE)
      .map(each => ({
        item: each.item,
        service: each.service ?? '',
        driver: each.driver,
        data: { ...each.data },
        replaced: replaced.has(each.item),
      })),
  }
  await writeUndo(deps.paths.state, repository.folderOf(safetySnapshot), record)
}

function mutable(created: typeof nothingCreated): UndoRecord['created'] {
  return {
    networks: [...created.networks],
    volumes: [...created.volumes],
    containers: [...created.containers],
    folders: [...created.folders],
  }
}

/** Where nothing had been before: a whole tree, or single files of one. */
function emptiedBy(tree: TreeWork, { files }: RestoreFacts): UndoRecord['emptied'] {
  const absent = tree.files
    .filter(each => files[each.record.file?.hostPath ?? '']?.exists === false)
    .map(each => each.path)
  const scope =
    !tree.replaces || tree.scope.kind === 'all'
      ? tree.scope
      : { kind: 'only' as const, names: absent }
  if (tree.replaces && (tree.scope.kind === 'all' || absent.length === 0)) return []
  return [
    {
      item: tree.item,
      mountType: tree.mount.type,
      source: tree.mount.source,
      folder: tree.folder,
      scope: JSON.stringify(scope),
    },
  ]
}
