import { readJournals, removeJournal } from '../jobs/journal.ts'
import type { EngineDeps } from '../ports.ts'
import { abandon } from './item-actions.ts'
import type { WayBackInput } from './way-back.ts'

/**
 * Removes what is left of runs that died and could not be taken back, once the restore of their safety snapshot
 * is accepted. Returns what could not be removed, in words; their journals go in any case, as nothing of them
 * may ever be put back over the restored data.
 */
export async function removeSuperseded(
  deps: EngineDeps,
  input: WayBackInput,
): Promise<readonly string[]> {
  const ids = input.journal.restore?.supersedes ?? []
  if (ids.length === 0) return []
  const problems: string[] = []
  for (const { jobId, restore } of await readJournals(deps.paths.state)) {
    if (!ids.includes(jobId)) continue
    for (const item of restore?.items ?? []) {
      try {
        await abandon(input, item)
      } catch (error) {
        problems.push(
          `What an earlier restore left of ${item.item} is still there (${namesIn(item.data)}): ${
            error instanceof Error ? error.message : String(error)
          }`,
        )
      }
    }
    await removeJournal(deps.paths.state, jobId)
  }
  return problems
}

/** Names by which a person finds what was left. */
function namesIn({ workName, stagedName, beforeName }: Readonly<Record<string, string>>): string {
  return [workName, stagedName, beforeName].filter(each => each !== undefined).join(', ')
}
