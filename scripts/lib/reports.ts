import { relative, sep } from 'node:path'

import { z } from 'zod'

/** What became of one test. */
export interface TestResult {
  /** The file, from the root of the project, with forward slashes. */
  readonly file: string
  /** The project of the runner, for example `engine-20` or `electron`. */
  readonly project: string
  readonly name: string
  readonly status: 'passed' | 'failed' | 'skipped'
  /** The messages of a failed test, whole. */
  readonly messages: readonly string[]
}

const vitestReport = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
})

/** Reads the JSON report of vitest. A file that could not even be loaded counts as one failed test. */
export function readVitestReport(json: unknown, project: string, root: string): TestResult[] {
  return vitestReport.parse(json).testResults.flatMap(suite => {
    const file = relative(root, suite.name).split(sep).join('/')
    const results = suite.assertionResults.map(test => ({
      file,
      project,
      name: test.fullName.trim(),
      status: statusOf(test.status),
      messages: test.failureMessages ?? [],
    }))
    const isSilent = suite.status === 'failed' && results.every(test => test.status !== 'failed')
    if (!isSilent) return results
    const messages = [suite.message ?? 'The file failed outside of its tests.']
    return [...results, { file, project, name: '(the file itself)', status: 'failed', messages }]
  })
}

function statusOf(word: string): TestResult['status'] {
  if (word === 'passed') return 'passed'
  return word === 'failed' ? 'failed' : 'skipped'
}

const playwrightSpec = z.object({
  title: z.string(),
  file: z.string(),
  tests: z.array(
    z.object({
      projectName: z.string(),
      status: z.enum(['expected', 'unexpected', 'flaky', 'skipped']),
      results: z.array(z.object({ errors: z.array(z.object({ message: z.string().optional() })) })),
    }),
  ),
})

interface PlaywrightSuite {
  readonly title: string
  readonly specs: readonly z.infer<typeof playwrightSpec>[]
  readonly suites?: readonly PlaywrightSuite[] | undefined
}

const playwrightSuite: z.ZodType<PlaywrightSuite> = z.object({
  title: z.string(),
  specs: z.array(playwrightSpec),
  get suites() {
    return z.array(playwrightSuite).optional()
  },
})

const playwrightReport = z.object({
  config: z.object({ rootDir: z.string() }),
  suites: z.array(playwrightSuite),
  errors: z.array(z.object({ message: z.string().optional() })).default([]),
})

/** Reads the JSON report of Playwright. A flaky test has failed once, and so it counts as failed. */
export function readPlaywrightReport(json: unknown, root: string): TestResult[] {
  const report = playwrightReport.parse(json)
  const folder = relative(root, report.config.rootDir).split(sep).join('/')

  function walk(suite: PlaywrightSuite, titles: readonly string[]): TestResult[] {
    const here = suite.specs.flatMap(spec =>
      spec.tests.map((test): TestResult => ({
        file: folder === '' ? spec.file : `${folder}/${spec.file}`,
        project: test.projectName,
        name: [...titles, spec.title].join(' > '),
        status:
          test.status === 'expected' ? 'passed' : test.status === 'skipped' ? 'skipped' : 'failed',
        messages: test.results.flatMap(result => result.errors.map(e => e.message ?? '')),
      })),
    )
    const below = (suite.suites ?? []).flatMap(inner => walk(inner, [...titles, inner.title]))
    return [...here, ...below]
  }

  const outside = report.errors.map((error): TestResult => ({
    file: folder,
    project: '',
    name: '(outside of every test)',
    status: 'failed',
    messages: [error.message ?? ''],
  }))
  return [...report.suites.flatMap(suite => walk(suite, [])), ...outside]
}
