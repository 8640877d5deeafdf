import { join } from 'node:path'

/** All stages, in their order. */
export const stageNames = ['set-up', 'lint', 'build', 'unit', 'engine', 'e2e', 'long'] as const
export type StageName = (typeof stageNames)[number]

/** What `npm test` runs: all but the suites that take many minutes. */
export const usualStages: readonly StageName[] = stageNames.filter(name => name !== 'long')

/** One command of a stage. */
export interface Step {
  readonly stage: StageName
  /** For people, and for the list of suites that must run. */
  readonly name: string
  readonly command: readonly string[]
  /** A step that hangs is ended, so that the others still tell what they know. */
  readonly limitMinutes: number
  /** Where its test runner writes its report, and in which format; null for a step that has no tests. */
  readonly report: { readonly format: 'vitest' | 'playwright'; readonly file: string } | null
  readonly env?: Readonly<Record<string, string>>
  /** The engine of the lab that it talks to. */
  readonly engine?: string
}

/** Where reports go, seen from the root of the project. */
export const reportFolder = '.cache/reports'

function plain(stage: StageName, name: string, limitMinutes: number, command: string[]): Step {
  return { stage, name, command, limitMinutes, report: null }
}

function vitest(stage: StageName, project: string, reporter: string, limitMinutes: number): Step {
  const file = join(reportFolder, `${project}.json`)
  return {
    stage,
    name: project,
    limitMinutes,
    command: [
      ...['vitest', 'run', '--project', project],
      ...[`--reporter=${reporter}`, '--reporter=./scripts/lib/vitest-report.ts'],
    ],
    report: { format: 'vitest', file },
    env: { LIFEBOAT_TEST_REPORT: file },
  }
}

function playwright(): Step {
  const file = join(reportFolder, 'e2e.json')
  return {
    stage: 'e2e',
    name: 'e2e',
    limitMinutes: 10,
    command: ['playwright', 'test', '--reporter=list,json'],
    report: { format: 'playwright', file },
    env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file },
  }
}

/** Every step of every stage. Programs are those of node_modules, which is first on the path. */
export const steps: readonly Step[] = [
  plain('set-up', 'lab', 30, ['node', 'lab/setup.ts']),
  plain('lint', 'eslint', 10, ['eslint', '--max-warnings', '0', '.']),
  plain('lint', 'prettier', 5, ['prettier', '--check', '--log-level', 'warn', '.']),
  plain('lint', 'types of the engine', 5, ['tsc', '-p', 'tsconfig.node.json']),
  plain('lint', 'types of the pages', 5, ['tsc', '-p', 'tsconfig.web.json']),
  plain('lint', 'types of the end-to-end tests', 5, ['tsc', '-p', 'tsconfig.e2e.json']),
  plain('lint', 'svelte-check', 5, [
    ...['svelte-check', '--tsconfig', './tsconfig.web.json', '--fail-on-warnings'],
  ]),
  plain('build', 'build', 10, ['node', 'scripts/build.ts']),
  vitest('unit', 'unit', 'default', 10),
  { ...vitest('engine', 'engine-20', 'verbose', 30), engine: '20' },
  { ...vitest('engine', 'engine-26', 'verbose', 25), engine: '26' },
  playwright(),
  { ...vitest('long', 'long-20', 'verbose', 60), engine: '20' },
  { ...vitest('long', 'long-26', 'verbose', 60), engine: '26' },
]
