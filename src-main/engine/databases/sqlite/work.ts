import { backup, DatabaseSync } from 'node:sqlite'

/** How long another program's lock is waited for, milliseconds. */
const BUSY_MS = 10_000
/** Pages of one step of a copy: few enough that other work gets its turn. */
const STEP_PAGES = 4096
const PROBLEMS_SHOWN = 5

/** What one thorough look at a database file found. */
export interface Examined {
  /** What the integrity check complains of; empty when it found nothing. */
  readonly problems: readonly string[]
  readonly counts: Readonly<Record<string, number>>
  readonly warnings: readonly string[]
}

export type Job =
  | { readonly type: 'copy'; readonly from: string; readonly to: string }
  | { readonly type: 'settle'; readonly file: string }
  | { readonly type: 'examine'; readonly file: string }

/** Does one job; blocks its thread. Rejects with the error of SQLite. */
export async function work(job: Job): Promise<Examined | null> {
  switch (job.type) {
    case 'copy':
      await copyDatabase(job.from, job.to)
      return null
    case 'settle':
      settle(job.file)
      return examine(job.file)
    case 'examine':
      return examine(job.file)
  }
}

/**
 * Copies a database that may be written to, by SQLite's own means. The open transaction holds one
 * moment of it, so the copy is not begun anew whenever somebody writes.
 */
async function copyDatabase(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: BUSY_MS })
  try {
    source.exec('begin')
    source.prepare('select count(*) from sqlite_schema').get()
    await backup(source, to, { rate: STEP_PAGES })
  } finally {
    source.close()
  }
}

/** Takes in the logs that lie beside a copied file: after a power cut SQLite would do the same. */
function settle(file: string): void {
  const database = new DatabaseSync(file, { timeout: BUSY_MS, allowExtension: false })
  try {
    database.prepare('select count(*) from sqlite_schema').get()
    database.exec('pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
}

function examine(file: string): Examined {
  // Immutable: nobody else has this file, and nothing is made beside it.
  const address = new URL(
    `file://${encodeURI(file).replaceAll('?', '%3F').replaceAll('#', '%23')}?immutable=1`,
  )
  const database = new DatabaseSync(address, { readOnly: true })
  try {
    const warnings: string[] = []
    return { problems: integrity(database, warnings), counts: count(database, warnings), warnings }
  } finally {
    database.close()
  }
}

/** What only the app itself brings along: a collation, a function, a module. Says nothing about the data. */
const needsApp = /no such (collation|function|module|tokenizer)|unknown tokenizer/i

function integrity(database: DatabaseSync, warnings: string[]): readonly string[] {
  const run = (pragma: string): readonly string[] =>
    database
      .prepare(`pragma ${pragma}(100)`)
      .all()
      .map(row => String(Object.values(row)[0]))
      .filter(line => line !== 'ok')
  const words = (error: unknown): string => (error instanceof Error ? error.message : String(error))
  try {
    const lines = run('integrity_check')
    const foreign = lines.filter(line => needsApp.test(line))
    if (foreign.length > 0) warnings.push(`Some indexes could not be checked: ${foreign[0] ?? ''}.`)
    return lines.filter(line => !needsApp.test(line)).slice(0, PROBLEMS_SHOWN)
  } catch (error) {
    if (!needsApp.test(words(error))) return [words(error)]
    warnings.push(`Its indexes could not be checked: ${words(error)}.`)
  }
  try {
    return run('quick_check').slice(0, PROBLEMS_SHOWN)
  } catch (error) {
    return needsApp.test(words(error)) ? [] : [words(error)]
  }
}

/** Rows of every ordinary table; virtual ones keep theirs in tables of their own. */
function count(database: DatabaseSync, warnings: string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  let names: readonly string[]
  try {
    names = database
      .prepare(
        `select name from pragma_table_list where schema = 'main' and type in ('table', 'shadow') and name not like 'sqlite\\_%' escape '\\' order by name`,
      )
      .all()
      .map(row => String(row['name']))
  } catch {
    return counts
  }
  for (const name of names) {
    const quoted = `"${name.replaceAll('"', '""')}"`
    try {
      counts[/^[a-z_][a-z0-9_]*$/.test(name) ? name : quoted] = rowsOf(database, quoted)
    } catch (error) {
      warnings.push(
        `The rows of ${name} could not be counted: ${error instanceof Error ? error.message : String(error)}.`,
      )
    }
  }
  return counts
}

function rowsOf(database: DatabaseSync, quoted: string): number {
  const ask = (how: string): number =>
    Number(database.prepare(`select count(*) as n from ${quoted} ${how}`).get()?.['n'])
  try {
    return ask('')
  } catch {
    // The index that is quickest to count by may need what only the app has.
    return ask('not indexed')
  }
}
