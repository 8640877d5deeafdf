import { glob, readFile } from 'node:fs/promises'
import path from 'node:path'

/** OpenSSH stops here too. */
const MAX_DEPTH = 16

/**
 * The aliases that a user's ssh config names, `Include` followed, in the order of the file. Patterns and
 * exclusions are left out. Only the names are read here: what they mean is for ssh alone to say.
 */
export async function sshAliases(homeDirectory: string): Promise<readonly string[]> {
  const folder = path.join(homeDirectory, '.ssh')
  const found = new Set<string>()
  await readAliases(path.join(folder, 'config'), folder, homeDirectory, found, 0)
  return [...found]
}

async function readAliases(
  file: string,
  folder: string,
  homeDirectory: string,
  found: Set<string>,
  depth: number,
): Promise<void> {
  if (depth > MAX_DEPTH) return
  const text = await readFile(file, 'utf8').catch(() => null)
  for (const { keyword, values } of parseLines(text ?? '')) {
    if (keyword === 'host') {
      for (const value of values) if (isPlainAlias(value)) found.add(value)
    } else if (keyword === 'include') {
      for (const value of values) {
        const pattern = path.resolve(folder, value.replace(/^~(?=\/)/, homeDirectory))
        const files = await Array.fromAsync(glob(pattern)).catch((): string[] => [])
        for (const each of files.toSorted()) {
          await readAliases(each, folder, homeDirectory, found, depth + 1)
        }
      }
    }
  }
}

function isPlainAlias(value: string): boolean {
  return /^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(value)
}

/** Pure. Lines of an ssh config as keyword and values; quotes as ssh reads them. */
export function parseLines(
  text: string,
): readonly { readonly keyword: string; readonly values: readonly string[] }[] {
  return text.split(/\r?\n/).flatMap(line => {
    const match = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*)$/.exec(line)
    if (match === null) return []
    const values = [...(match[2] ?? '').matchAll(/"([^"]*)"|(#.*)|([^\s"#][^\s"]*)/g)]
      .filter(value => value[2] === undefined)
      .map(value => value[1] ?? value[3] ?? '')
    return [{ keyword: (match[1] ?? '').toLowerCase(), values }]
  })
}
