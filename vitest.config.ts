import { defineConfig } from 'vitest/config'

const minute = 60_000

/**
 * Suites that need a real Docker Engine. They run once for each engine of the lab, which they find in
 * LIFEBOAT_TEST_ENGINE; a suite that no engine can change is named *.once.test.ts.
 */
function engineProject(id: string, exclude: string[]) {
  return {
    extends: true as const,
    test: {
      name: `engine-${id}`,
      include: ['test/engine/**/*.test.ts'],
      exclude,
      env: { LIFEBOAT_TEST_ENGINE: id },
      testTimeout: 10 * minute,
      hookTimeout: 15 * minute,
      maxWorkers: 2,
    },
  }
}

export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/conformance/**/*.test.ts'],
          testTimeout: minute,
          hookTimeout: minute,
        },
      },
      engineProject('20', []),
      engineProject('26', ['test/engine/**/*.once.test.ts']),
    ],
  },
})
