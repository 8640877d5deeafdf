import { stripVTControlCharacters } from 'node:util'

import type { TestResult } from './reports.ts'

/** What a step came to. */
export interface StepOutcome {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  /** Why it is not ok, with what it printed; empty when its failed tests say so already. */
  readonly complaint: string
  readonly results: readonly TestResult[]
}

export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/**
 * Tests by their outcome. A step that failed without a failed test, and each problem of the run as a whole,
 * count as one failure each, so that the last line never shows 0 failed for a run that failed.
 */
export function totalsOf(steps: readonly StepOutcome[], problems: readonly string[]): Totals {
  const results = steps.flatMap(step => step.results)
  const count = (status: TestResult['status']): number =>
    results.filter(result => result.status === status).length
  const failedSteps = steps.filter(step => step.complaint !== '').length
  return {
    passed: count('passed'),
    failed: count('failed') + failedSteps + problems.length,
    skipped: count('skipped'),
  }
}

/** The end of the output: each failure in full, the time of each step, and the closing line. */
export function summaryText(steps: readonly StepOutcome[], problems: readonly string[]): string {
  const lines: string[] = []
  const failed = steps.flatMap(step => step.results).filter(test => test.status === 'failed')
  if (failed.length > 0) lines.push('', '═══ Failed tests')
  for (const test of failed) {
    lines.push('', `✗ ${test.file || 'no file'} (${test.project})`, `  ${test.name}`)
    lines.push(...test.messages.map(message => indent(message)))
  }
  for (const step of steps) {
    if (step.complaint !== '') lines.push('', `═══ ${step.name} failed`, indent(step.complaint))
  }
  if (problems.length > 0)
    lines.push('', '═══ Not acceptable', ...problems.map(text => `✗ ${text}`))

  const width = Math.max(...steps.map(step => step.name.length))
  lines.push('', '═══ Steps')
  for (const step of steps) {
    const time = `${step.seconds.toFixed(1)} s`.padStart(9)
    const tests = step.results.length > 0 ? `  ${step.results.length} tests` : ''
    lines.push(`${step.ok ? '✓' : '✗'} ${step.name.padEnd(width)} ${time}${tests}`)
  }
  const { passed, failed: failures, skipped } = totalsOf(steps, problems)
  lines.push('', `${passed} passed, ${failures} failed, ${skipped} skipped`)
  return `${lines.join('\n')}\n`
}

function indent(text: string): string {
  return stripVTControlCharacters(text).trimEnd().replace(/^/gm, '    ')
}
