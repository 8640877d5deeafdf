import { readFileSync } from 'node:fs'
import path from 'node:path'

import { expect, it } from 'vitest'

const root = path.join(import.meta.dirname, '../../..')
const page = readFileSync(path.join(root, 'docs/faults.md'), 'utf8')
const shown = [...page.matchAll(/`([^`|]+\.ts)` “([^”]+)”/g)].map(each => [
  each[2] ?? '',
  each[1] ?? '',
])

it('has a table', () => {
  expect(shown.length).toBeGreaterThan(60)
})

it.each(shown)('the page of faults names a test that there is: %s', (name, file) => {
  expect(readFileSync(path.join(root, 'test', file), 'utf8')).toContain(name)
})
