import path from 'node:path'

import { format, resolveConfig } from 'prettier'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { MANIFEST_SCHEMA, manifestSchema } from '../../../src-main/engine/store/manifest.ts'
import { REPORT_SCHEMA, reportSchema } from '../../../src-main/engine/store/reports.ts'
import {
  REPOSITORY_SCHEMA,
  repositorySchema,
} from '../../../src-main/engine/store/repository-file.ts'

const published = [
  ['repository', REPOSITORY_SCHEMA, repositorySchema, 'lifeboat-repository.json of a repository'],
  ['manifest', MANIFEST_SCHEMA, manifestSchema, 'manifest.json of a snapshot'],
  ['report', REPORT_SCHEMA, reportSchema, 'A report beside a snapshot'],
] as const

describe('store/schemas', () => {
  // Written anew with `vitest -u`; docs/repository-format.md says what the fields mean.
  it.each(published)(
    'schemas/%s.v1.schema.json is what the code reads and writes',
    async (name, id, schema, title) => {
      const { $schema, ...rest } = z.toJSONSchema(schema) as Record<string, unknown>
      const whole = JSON.stringify({ $schema, $id: id, title, ...rest }, null, 2)
      const file = path.join(import.meta.dirname, '../../../schemas', `${name}.v1.schema.json`)
      const options = { ...(await resolveConfig(file)), filepath: file }
      await expect(await format(whole, options)).toMatchFileSnapshot(file)
    },
  )
})
