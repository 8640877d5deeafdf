import type { Journal } from '../jobs/journal.ts'
import { removeJournal, writeJournal } from '../jobs/journal.ts'

/** The journal of the run at hand. Each change is on disk before the promise settles. */
export interface RunJournal {
  /** Writes what is about to be done. Changes are written one after the other. */
  update(change: (journal: Journal) => Journal): Promise<void>
  /** Removes the journal: everything was put right. Waits for changes under way. */
  remove(): Promise<void>
}

/** Writes the first state of a run's journal and keeps it from there. */
export async function openRunJournal(stateFolder: string, first: Journal): Promise<RunJournal> {
  let journal = first
  let queue = writeJournal(stateFolder, journal)
  await queue
  return {
    update(change) {
      queue = queue.then(() => {
        journal = change(journal)
        return writeJournal(stateFolder, journal)
      })
      return queue
    },
    async remove() {
      await queue.catch(() => undefined)
      await removeJournal(stateFolder, journal.jobId)
    },
  }
}
