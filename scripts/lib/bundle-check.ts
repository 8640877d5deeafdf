import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const electronImport =
  /(?:\bfrom\s*|\bimport\s*\(?\s*|[\w$]*require[\w$]*\s*\(\s*)(['"`])electron(?:\/[^'"`]*)?\1/

/** Whether the text of a module imports or requires electron, in any way of writing it. */
export function importsElectron(text: string): boolean {
  return electronImport.test(text)
}

/** The files of a built folder that import electron; plain Node could not start them. */
export async function filesImportingElectron(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.js'))
  const found = await Promise.all(
    names.map(async name => importsElectron(await readFile(join(folder, name), 'utf8'))),
  )
  return names.filter((_, index) => found[index])
}
