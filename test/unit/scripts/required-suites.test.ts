import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import type { TestResult } from '../../../scripts/lib/reports.ts'
import {
  problemsOfRun,
  type RequiredSuites,
  requiredSuites,
} from '../../../scripts/lib/required-suites.ts'
import { strayTestFiles, testFiles } from '../../../scripts/lib/test-files.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const file = 'test/engine/backup.test.ts'
const required: RequiredSuites = {
  projects: { 'engine-20': [file], 'engine-26': [file], chromium: [] },
  maySkip: [{ file: 'test/engine/mongo.test.ts', name: 'mongodump', reason: 'needs an image' }],
}

function result(changes: Partial<TestResult> = {}): TestResult {
  return { file, project: 'engine-20', name: 'a test', status: 'passed', messages: [], ...changes }
}

describe('scripts/required-suites', () => {
  it('is content when every required suite has run', () => {
    const results = [result(), result({ project: 'engine-26' })]
    const files = [
      { project: 'engine-20', file },
      { project: 'engine-26', file },
    ]
    expect(problemsOfRun(required, ['engine-20', 'engine-26'], files, results)).toEqual([])
  })

  it('complains about a required suite that ran on one engine alone', () => {
    const files = [
      { project: 'engine-20', file },
      { project: 'engine-26', file },
    ]
    expect(problemsOfRun(required, ['engine-20', 'engine-26'], files, [result()])).toEqual([
      `${file} must run in engine-26, and did not: no result of it is there.`,
    ])
  })

  it('complains about a required suite whose file is gone', () => {
    expect(problemsOfRun(required, ['engine-20'], [], [])).toHaveLength(1)
  })

  it('does not ask for projects that were not to run', () => {
    expect(problemsOfRun(required, ['unit'], [], [])).toEqual([])
  })

  it('complains about a skipped test', () => {
    const results = [result(), result({ name: 'skipped one', status: 'skipped' })]
    expect(problemsOfRun(required, ['engine-20'], [], results)).toEqual([
      `${file} (engine-20): "skipped one" was skipped, and must not be.`,
    ])
  })

  it('lets the suite be skipped that the list names, and no other test of its file', () => {
    const mongo = { file: 'test/engine/mongo.test.ts', status: 'skipped' } as const
    const results = [
      result(),
      result({ ...mongo, name: 'mongodump > keeps everything' }),
      result({ ...mongo, name: 'the driver > keeps everything' }),
    ]
    expect(problemsOfRun(required, ['engine-20'], [], results)).toEqual([
      'test/engine/mongo.test.ts (engine-20): "the driver > keeps everything" was skipped, and must not be.',
    ])
  })

  it('complains about a suite on disk that is not in the list', () => {
    const files = [{ project: 'chromium', file: 'test/e2e/browser/new.spec.ts' }]
    expect(problemsOfRun(required, ['chromium'], files, [])[0]).toMatch(/is not in test\/required/)
  })

  it('complains about a file of another project that ran no test', () => {
    const files = [{ project: 'unit', file: 'test/unit/empty.test.ts' }]
    expect(problemsOfRun(required, ['unit'], files, [])).toEqual([
      'test/unit/empty.test.ts ran no test in unit.',
    ])
  })
})

describe('test/required-suites.json', () => {
  it('is well formed and names files that exist', async () => {
    const text = await readFile(join(root, 'test', 'required-suites.json'), 'utf8')
    const list = requiredSuites.parse(JSON.parse(text))
    const onDisk = await testFiles(root)
    for (const [project, files] of Object.entries(list.projects)) {
      for (const name of files) expect(onDisk).toContainEqual({ project, file: name })
    }
  })

  it('finds this file, and no test file that nobody would run', async () => {
    const here = { project: 'unit', file: 'test/unit/scripts/required-suites.test.ts' }
    expect(await testFiles(root)).toContainEqual(here)
    expect(await strayTestFiles(root)).toEqual([])
  })
})
