import type { RunJournal } from '../capture/run-journal.ts'
import type { Host } from '../hosts/host.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { RestoreJournal } from '../jobs/journal.ts'
import type { EngineDeps } from '../ports.ts'
import type { RestoreDesign } from './design.ts'
import type { RestoreFacts } from './facts.ts'
import type { KnownContainer } from './services.ts'
import type { TreePlaces } from './tree-places.ts'

export type JournalItem = RestoreJournal['items'][number]
export type Created = NonNullable<RestoreJournal['created']>

export const nothingCreated: Created = { networks: [], volumes: [], containers: [], folders: [] }

/** What all parts of a running restore share. */
export interface RestoreRun {
  readonly restoreId: string
  readonly host: Host
  readonly deps: EngineDeps
  readonly job: JobContext
  readonly facts: RestoreFacts
  readonly design: RestoreDesign
  /** Absolute folder of the snapshot that is restored. */
  readonly folder: string
  readonly places: TreePlaces
  readonly journal: RunJournal
  /** Of the stack, as far as they exist by now; dependencies first. */
  containers: readonly KnownContainer[]
  /** True once all that was missing has been made. */
  isComplete: boolean
  readonly warnings: string[]
}

/** Changes the restore part of the journal. */
export async function note(
  journal: RunJournal,
  change: (restore: RestoreJournal) => RestoreJournal,
): Promise<void> {
  await journal.update(each =>
    each.restore === null ? each : { ...each, restore: change(each.restore) },
  )
}

/** Adds an item to the journal, or replaces what it says of it. */
export async function noteItem(journal: RunJournal, item: JournalItem): Promise<void> {
  await note(journal, restore => ({
    ...restore,
    items: restore.items.some(each => each.item === item.item)
      ? restore.items.map(each => (each.item === item.item ? item : each))
      : [...restore.items, item],
  }))
}

/** Notes what is about to be made. */
export async function noteCreated(journal: RunJournal, more: Partial<Created>): Promise<void> {
  await note(journal, restore => {
    const known = restore.created ?? nothingCreated
    return {
      ...restore,
      created: {
        networks: [...known.networks, ...(more.networks ?? [])],
        volumes: [...known.volumes, ...(more.volumes ?? [])],
        containers: [...known.containers, ...(more.containers ?? [])],
        folders: [...known.folders, ...(more.folders ?? [])],
      },
    }
  })
}
