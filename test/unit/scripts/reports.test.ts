import { describe, expect, it } from 'vitest'

import { readPlaywrightReport, readVitestReport } from '../../../scripts/lib/reports.ts'

function spec(title: string, status: string, messages: readonly string[] = []): object {
  const results = [{ errors: messages.map(message => ({ message })) }]
  return { title, file: 'browser/a.spec.ts', tests: [{ projectName: 'chromium', status, results }] }
}

describe('scripts/reports', () => {
  it('reads nested suites of Playwright, and takes a flaky test for a failed one', () => {
    const json = {
      config: { rootDir: '/project/test/e2e' },
      suites: [
        {
          title: 'browser/a.spec.ts',
          specs: [spec('opens', 'expected')],
          suites: [
            {
              title: 'restore',
              specs: [spec('asks', 'flaky', ['it was late']), spec('later', 'skipped')],
            },
          ],
        },
      ],
      errors: [],
    }
    const common = { file: 'test/e2e/browser/a.spec.ts', project: 'chromium' }
    expect(readPlaywrightReport(json, '/project')).toEqual([
      { ...common, name: 'opens', status: 'passed', messages: [] },
      { ...common, name: 'restore > asks', status: 'failed', messages: ['it was late'] },
      { ...common, name: 'restore > later', status: 'skipped', messages: [] },
    ])
  })

  it('counts an error outside of every test of Playwright as a failure', () => {
    const json = {
      config: { rootDir: '/project/test/e2e' },
      suites: [],
      errors: [{ message: 'No tests found' }],
    }
    expect(readPlaywrightReport(json, '/project')).toMatchObject([
      { status: 'failed', messages: ['No tests found'] },
    ])
  })

  it('refuses a report that it does not understand, rather than to find no failure in it', () => {
    expect(() => readVitestReport({ numPassedTests: 1 })).toThrow()
    expect(() => readPlaywrightReport({ suites: [] }, '/project')).toThrow()
  })
})
