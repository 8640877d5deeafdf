import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'

/** What a sample holds at one moment: a name for each fact, and its value. Made without Lifeboat's engine. */
export type Facts = ReadonlyMap<string, string>

/** A fact that is not as it was. */
export interface FactDifference {
  readonly fact: string
  readonly before: string | null
  readonly after: string | null
}

/** How many facts there were, and which of them are gone, changed or new. */
export interface Comparison {
  readonly total: number
  readonly equal: number
  readonly differences: readonly FactDifference[]
}

/** Compares two states fact by fact. A fact that is new counts as different, too. */
export function compareFacts(before: Facts, after: Facts): Comparison {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  const differences = names
    .map(fact => ({ fact, before: before.get(fact) ?? null, after: after.get(fact) ?? null }))
    .filter(each => each.before !== each.after)
  return { total: names.length, equal: names.length - differences.length, differences }
}

/** SHA-256 in hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Facts of all files below a folder, but those that `skip` names (relative paths). */
export async function describeTree(folder: string, skip: readonly string[] = []): Promise<Facts> {
  const facts = new Map<string, string>()
  const names = await readdir(folder, { recursive: true })
  for (const name of names.filter(each => !skip.includes(each)).toSorted()) {
    const file = path.join(folder, name)
    const stats = await lstat(file)
    const permissions = (stats.mode & 0o7777).toString(8).padStart(4, '0')
    const owner = `${String(stats.uid)}:${String(stats.gid)}`
    const fact = (what: string, value: string): void => {
      facts.set(`${name} ${what}`, value)
    }
    fact('owner', owner)
    if (stats.isSymbolicLink()) {
      fact('leads to', await readlink(file))
      continue
    }
    fact('mode', permissions)
    if (!stats.isFile()) continue
    fact('content', sha256(await readFile(file)))
    fact('changed', new Date(Math.floor(stats.mtimeMs / 1000) * 1000).toISOString())
  }
  return facts
}
