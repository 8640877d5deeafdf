import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

const minute = 60_000
const every = 'test/engine/**/*.test.ts'
const long = 'test/engine/**/*.long.test.ts'

/**
 * Suites that need a real Docker Engine. They run once for each engine of the lab, which they find in
 * LIFEBOAT_TEST_ENGINE; a suite that no engine can change is named *.once.test.ts. Suites of faults, damage and
 * time-outs that take many minutes are named *.long.test.ts and run by `npm run test:long`.
 */
function engineProject(name: string, id: string, include: string, exclude: string[]) {
  return {
    extends: true as const,
    test: {
      name: `${name}-${id}`,
      include: [include],
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
          // Many of them wait for processes that they have started.
          maxWorkers: availableParallelism() + 1,
        },
      },
      engineProject('engine', '20', every, [long]),
      engineProject('engine', '26', every, [long, 'test/engine/**/*.once.test.ts']),
      engineProject('long', '20', long, []),
      engineProject('long', '26', long, []),
    ],
  },
})
