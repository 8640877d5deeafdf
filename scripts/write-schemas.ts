// Writes schemas/*.schema.json and the table in docs/json.md from the schemas in src-main/cli/schemas.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { format, resolveConfig } from 'prettier'

import { type DocumentName, documents } from '../src-main/cli/schemas/documents.ts'
import { documentsTable, schemaText } from '../src-main/cli/schemas/publish.ts'

const root = join(import.meta.dirname, '..')

/** Writes a file in the form that the checks of the project ask for. */
async function write(file: string, text: string): Promise<void> {
  await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }))
}

await mkdir(join(root, 'schemas'), { recursive: true })
for (const name of Object.keys(documents) as DocumentName[]) {
  await write(join(root, 'schemas', `${name}.schema.json`), schemaText(name))
}
const page = join(root, 'docs', 'json.md')
const text = await readFile(page, 'utf8')
const table = /(?<=<!-- documents -->\n\n)[\s\S]*(?=\n\n<!-- end of documents -->)/
await write(
  page,
  text.replace(table, () => documentsTable()),
)
