import { z } from 'zod'

import { type DocumentName, documents } from './documents.ts'

/**
 * The published JSON Schema of a document, as the text of its file. Fields may be added within a version,
 * so the published form accepts fields that it does not know.
 */
export function schemaText(name: DocumentName): string {
  const { about, schema } = documents[name]
  const generated = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  const { $schema, ...rest } = generated
  const whole = { $schema, title: `lifeboat ${name}`, description: about, ...rest }
  return `${JSON.stringify(whole, null, 2)}\n`
}

/** The table of docs/json.md: which command prints which document. */
export function documentsTable(): string {
  const rows = Object.entries(documents).map(([name, { commands, about }]) => {
    const by = commands.map(command => `\`${command}\``).join(', ')
    return `| [${name}](../schemas/${name}.schema.json) | ${by === '' ? 'every command' : by} | ${about} |`
  })
  return ['| Document | Printed by | What it is |', '| --- | --- | --- |', ...rows].join('\n')
}
