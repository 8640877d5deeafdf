import { posix } from 'node:path'

import type { Helper } from '../hosts/helper.ts'
import { type ComposeDefinition, mergeDefinitions, readComposeFile } from './compose-file.ts'
import { parseEnvFile } from './dotenv.ts'
import type { StackGroup } from './facts.ts'
import { pathInHelper } from './helper-paths.ts'
import { lookAtFiles } from './search.ts'

/** An included file may include others. */
const DEPTH = 4

/** What is read of one stack, as it grows. */
interface Reading {
  readonly group: StackGroup
  readonly folder: string
  values: Readonly<Record<string, string>>
  readonly parts: ComposeDefinition[]
  readonly done: Set<string>
  next: readonly string[]
}

/**
 * Reads the Compose files of the stacks, with what they include and extend, by stack name. One command
 * reads all files of all stacks; each level of included files takes another one.
 */
export async function readDefinitions(
  helper: Helper,
  groups: readonly StackGroup[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ComposeDefinition>> {
  const readings = groups.map((group): Reading => {
    const folder = group.workingDirectory ?? posix.dirname(group.configFiles[0] ?? '/x')
    return { group, folder, values: {}, parts: [], done: new Set(), next: group.configFiles }
  })
  for (let depth = 0; depth < DEPTH && readings.some(each => each.next.length > 0); depth++) {
    const environment = depth === 0 ? readings.flatMap(environmentOf) : []
    const wanted = [...environment, ...readings.flatMap(each => each.next)]
    const texts = await readTexts(helper, wanted, signal)
    for (const reading of readings) advance(reading, texts, depth)
  }
  return new Map(readings.map(({ group, parts }) => [group.name, mergeDefinitions(parts)]))
}

/** Files whose variables are filled in, the later ones over the earlier. */
function environmentOf({ group, folder }: Reading): readonly string[] {
  return group.environmentFiles.length > 0 ? group.environmentFiles : [posix.join(folder, '.env')]
}

function advance(reading: Reading, texts: ReadonlyMap<string, string>, depth: number): void {
  if (depth === 0) {
    const values = environmentOf(reading).map(each => parseEnvFile(texts.get(each) ?? ''))
    reading.values = Object.assign({}, ...values) as Readonly<Record<string, string>>
  }
  const parts = reading.next.flatMap(path => {
    const text = texts.get(path)
    // Relative paths start from the working directory; those of an included file from its own folder.
    const baseDirectory = depth === 0 ? reading.folder : posix.dirname(path)
    return text === undefined
      ? []
      : [readComposeFile({ path, text, baseDirectory }, reading.values)]
  })
  for (const path of reading.next) reading.done.add(path)
  reading.parts.push(...parts)
  reading.next = parts
    .flatMap(each => each.composeFiles)
    .filter(each => /\.ya?ml$/.test(each) && !reading.done.has(each))
}

/** Texts of the files that are there, by host path. */
async function readTexts(
  helper: Helper,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const inside = new Map<string, string>()
  for (const path of paths) {
    const place = pathInHelper(helper, path)
    if (place !== null) inside.set(path, place)
  }
  const found = await lookAtFiles(helper.place, [], [...new Set(inside.values())], signal)
  const texts = new Map<string, string>()
  for (const [path, place] of inside) {
    const text = found.get(place)?.text
    if (text !== undefined && text !== null) texts.set(path, text)
  }
  return texts
}
