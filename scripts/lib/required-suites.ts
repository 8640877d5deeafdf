import { z } from 'zod'

import type { TestResult } from './reports.ts'

/** The list in `test/required-suites.json`: a suite in it can neither be skipped nor vanish unnoticed. */
export const requiredSuites = z.strictObject({
  /** Files by the project that must run them. */
  projects: z.record(z.string(), z.array(z.string())),
  /** The only suites that may be skipped, each with the reason. */
  maySkip: z.array(z.strictObject({ file: z.string(), name: z.string(), reason: z.string() })),
})
export type RequiredSuites = z.infer<typeof requiredSuites>

/**
 * What is wrong with a run, in sentences: a required suite that did not run, a test that was skipped though
 * it may not be, a file that ran no test, a file that the list does not know.
 *
 * @param ran the projects that were asked to run
 * @param files the test files on disk that belong to these projects
 */
export function problemsOfRun(
  required: RequiredSuites,
  ran: readonly string[],
  files: readonly { readonly project: string; readonly file: string }[],
  results: readonly TestResult[],
): string[] {
  const problems: string[] = []
  const of = (project: string, file: string): TestResult[] =>
    results.filter(result => result.project === project && result.file === file)

  for (const project of ran) {
    for (const file of required.projects[project] ?? []) {
      if (of(project, file).length === 0) {
        problems.push(`${file} must run in ${project}, and did not: no result of it is there.`)
      }
    }
  }
  for (const { project, file } of files) {
    const known = required.projects[project]
    if (known?.includes(file)) continue
    if (known !== undefined) {
      problems.push(
        `${file} is not in test/required-suites.json for ${project}. List it, so that it cannot vanish unnoticed.`,
      )
    } else if (of(project, file).length === 0) {
      problems.push(`${file} ran no test in ${project}.`)
    }
  }
  for (const test of results) {
    if (test.status !== 'skipped') continue
    const allowed = required.maySkip.some(
      rule => rule.file === test.file && test.name.startsWith(rule.name),
    )
    if (!allowed) {
      problems.push(`${test.file} (${test.project}): "${test.name}" was skipped, and must not be.`)
    }
  }
  return problems
}
