import { describe, expect, it } from 'vitest'

import { type StepOutcome, summaryText, totalsOf } from '../../../scripts/lib/summary.ts'

const passed = { file: 'a.test.ts', project: 'unit', status: 'passed', messages: [] } as const

function step(changes: Partial<StepOutcome> = {}): StepOutcome {
  return { name: 'unit', ok: true, seconds: 1.25, complaint: '', results: [], ...changes }
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1)
}

describe('scripts/summary', () => {
  it('closes with the sums over all steps', () => {
    const first = step({ results: [{ ...passed, name: 'one' }] })
    const second = step({
      results: [
        { ...passed, name: 'two' },
        { ...passed, name: 'three', status: 'skipped' },
      ],
    })
    expect(lastLine(summaryText([first, second], []))).toBe('2 passed, 0 failed, 1 skipped')
  })

  it('tells the whole message of a failed test', () => {
    const results = [
      { ...passed, name: 'breaks', status: 'failed' as const, messages: ['expected 1\nto be 2'] },
    ]
    const text = summaryText([step({ ok: false, results })], [])
    expect(text).toContain('✗ a.test.ts (unit)\n  breaks\n    expected 1\n    to be 2\n')
    expect(lastLine(text)).toBe('0 passed, 1 failed, 0 skipped')
  })

  it('never says 0 failed when a step without tests failed, or something was not acceptable', () => {
    const lint = step({ name: 'eslint', ok: false, complaint: 'It ended with code 1.' })
    expect(totalsOf([lint], [])).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(totalsOf([step()], ['x must run, and did not.'])).toMatchObject({ failed: 1 })
    expect(summaryText([lint], ['x must run'])).toContain('✗ x must run')
  })
})
