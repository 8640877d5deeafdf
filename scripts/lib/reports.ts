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

const testResults: z.ZodType<TestResult[]> = z.array(
  z.strictObject({
    file: z.string(),
    project: z.string(),
    name: z.string(),
    status: z.enum(['passed', 'failed', 'skipped']),
    messages: z.array(z.string()),
  }),
)

/** Reads what our own reporter for vitest has written. */
export function readVitestReport(json: unknown): TestResult[] {
  return testResults.parse(json)
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
