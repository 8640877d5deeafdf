import type { CheckRow } from '../../contract/model.ts'
import { openArtifact } from '../store/artifact-reader.ts'
import { createFolder } from './create-missing.ts'
import type { TreeWork } from './design.ts'
import { TREE, treeJournal } from './item-actions.ts'
import type { JournalItem, RestoreRun } from './run-context.ts'
import { noteItem } from './run-context.ts'
import type { FilePart } from './tree/put-file.ts'
import { stageTree } from './tree/staged-tree.ts'
import type { TreeTarget } from './tree/tree-place.ts'

/** An item that is staged and can be switched. */
export interface StagedItem {
  readonly work: string
  readonly items: readonly string[]
  readonly checks: readonly CheckRow[]
  /** True once it was switched in before the others, because it replaces nothing. */
  readonly isActive: boolean
  /** Switches it in. In the journal before it begins and after it has ended. */
  activate(): Promise<void>
  /** Waits until it is on the host's disk. */
  settle(): Promise<void>
}

/** Unpacks a tree beside the live one. `index` tells apart the hidden folders of trees that share a place. */
export async function stageTreeWork(
  run: RestoreRun,
  work: TreeWork,
  index: number,
): Promise<StagedItem> {
  const { job, journal, restoreId, places } = run
  if (work.createFolder) await createFolder(run, work.mount.source)
  const at = await places.open(work.mount)
  const target: TreeTarget = {
    at,
    folder: work.folder,
    workName: `.lifeboat-${restoreId}-${index}`,
    scope: work.scope,
  }
  const entry: JournalItem = {
    item: work.item,
    driver: TREE,
    service: null,
    containerId: null,
    state: 'staged',
    data: treeJournal(work.mount, target),
  }
  await noteItem(journal, entry)
  job.phase(
    'restore',
    `Staging ${work.items.join(', ')}`,
    work.items[0] ?? null,
    'The live data is untouched; the next start removes what was staged.',
  )
  const { archive } = work
  const staged = await stageTree({
    target,
    archive:
      archive === null
        ? null
        : {
            codec: archive.codec,
            plainBytes: archive.plain.bytes,
            entries: archive.entries,
            open: () => openArtifact(run.folder, archive, { raw: true, signal: job.signal }),
          },
    files: work.files.map(each => filePart(run, each)),
    signal: job.signal,
    onBytes: bytes => job.advance(bytes),
  })
  if (!at.keepsOwners) {
    run.warnings.push(
      `${work.item}: files belong to you now, because only root can give them their former owners.`,
    )
  }
  return {
    work: work.item,
    items: work.items,
    checks: staged.checks,
    isActive: false,
    async activate() {
      await noteItem(journal, { ...entry, state: 'switching' })
      await staged.activate()
      await noteItem(journal, { ...entry, state: 'switched' })
    },
    settle: () => staged.settle(),
  }
}

function filePart(
  { folder, job }: RestoreRun,
  { record, path }: TreeWork['files'][number],
): FilePart {
  const { file, plain } = record
  return {
    path,
    kind: file?.kind ?? 'file',
    linkTarget: file?.linkTarget ?? null,
    mode: file?.mode ?? null,
    owner: file === null ? null : { uid: file.uid, gid: file.gid },
    modified: file?.modified ?? null,
    bytes: plain.bytes,
    sha256: plain.sha256,
    open: () => openArtifact(folder, record, { signal: job.signal }),
  }
}
