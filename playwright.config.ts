import { defineConfig } from '@playwright/test'

import { chromiumOptions } from './test/e2e/browser/chromium.ts'

const minute = 60_000

/** End-to-end tests: the real window in Electron, and the same pages in a browser. */
export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results',
  timeout: 3 * minute,
  expect: { timeout: minute },
  // A flaky test is a defect: it is not tried again.
  retries: 0,
  workers: 1,
  forbidOnly: process.env['CI'] !== undefined,
  reporter: 'list',
  projects: [
    { name: 'electron', testMatch: 'electron/**/*.spec.ts' },
    {
      name: 'chromium',
      testMatch: 'browser/**/*.spec.ts',
      use: {
        launchOptions: chromiumOptions,
      },
    },
  ],
})
