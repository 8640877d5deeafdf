import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'

/**
 * What a run has done to the host that must be put right should the run die: written and flushed
 * *before* each such act, so that the next start can repair (rule C9). One file per run in
 * `<state>/journal`, removed when the run has put everything right itself.
 */
export interface Journal {
  readonly jobId: string
  readonly kind: 'backup' | 'restore'
  readonly pid: number
  /** Start time of the process, so that a reused pid is told apart (clock ticks from /proc, or null). */
  readonly processStart: string | null
  readonly startedAt: string
  /** As `--host` takes it. */
  readonly host: string
  readonly daemonId: string | null
  readonly stack: string
  /** Containers that were stopped or paused, in the order in which it was done. */
  readonly quiesced: readonly {
    readonly containerId: string
    readonly service: string
    readonly how: 'stop' | 'pause'
  }[]
  readonly helpers: readonly string[]
  /** Partial snapshot folder, or null. */
  readonly partialFolder: string | null
  /** Restore only: where it stands and what each staged item needs to go back or on. */
  readonly restore: RestoreJournal | null
}

export interface RestoreJournal {
  readonly restoreId: string
  /** `staging`: live data untouched; `switching`: some may be switched; `switched`: all switched, health not known; `finishing`: accepted, former data being removed. */
  readonly stage: 'staging' | 'switching' | 'switched' | 'finishing'
  readonly safetySnapshot: string | null
  readonly repository: string
  /** What was not there before and is removed again unless the restore is accepted. Written before it is made. */
  readonly created?: {
    readonly networks: readonly string[]
    readonly volumes: readonly string[]
    /** Names. */
    readonly containers: readonly string[]
    /** Absolute host paths, the outermost first. */
    readonly folders: readonly string[]
  }
  /** What an undo removes once it is accepted: what the restore that it undoes had made. */
  readonly removes?: {
    readonly created: NonNullable<RestoreJournal['created']>
    readonly databases: readonly {
      readonly item: string
      readonly service: string
      readonly driver: string
      readonly data: Readonly<Record<string, string>>
    }[]
  }
  /**
   * Runs that died, could not be taken back, and whose safety snapshot this one restores: once this one is
   * accepted, what is left of them goes.
   */
  readonly supersedes?: readonly string[]
  /** Containers that did not run and were started for the restore: stopped again when it is taken back. */
  readonly started?: readonly string[]
  /** Containers that run once the restore is accepted, in the order in which they start. */
  readonly runAfter?: readonly string[]
  readonly items: readonly {
    readonly item: string
    readonly driver: string
    readonly service: string | null
    readonly containerId: string | null
    readonly state: 'staged' | 'switching' | 'switched'
    readonly data: Readonly<Record<string, string>>
  }[]
}

function fileOf(stateFolder: string, jobId: string): string {
  return path.join(stateFolder, 'journal', `${jobId}.json`)
}

/** Writes a journal so that it survives a crash right after: temporary file, fsync, rename, fsync of the folder. */
export async function writeJournal(stateFolder: string, journal: Journal): Promise<void> {
  const file = fileOf(stateFolder, journal.jobId)
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const temporary = `${file}.new`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify(journal, null, 2))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  const folder = await open(path.dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** All journals that are left, oldest first. Unreadable ones are skipped here and stay on disk. */
export async function readJournals(stateFolder: string): Promise<readonly Journal[]> {
  const folder = path.join(stateFolder, 'journal')
  const names = await readdir(folder).catch(() => [])
  const journals: Journal[] = []
  for (const name of names.filter(each => each.endsWith('.json'))) {
    try {
      journals.push(JSON.parse(await readFile(path.join(folder, name), 'utf8')) as Journal)
    } catch {
      continue
    }
  }
  return journals.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt))
}

/** The run has put everything right: nothing is left to repair. */
export async function removeJournal(stateFolder: string, jobId: string): Promise<void> {
  const file = fileOf(stateFolder, jobId)
  await rm(file, { force: true })
  // Of a process that was killed while it wrote.
  await rm(`${file}.new`, { force: true })
}
