import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, relative, sep } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

import type { Reporter, TestModule } from 'vitest/node'

import type { TestResult } from './reports.ts'

interface ShownError {
  readonly message: string
  readonly stack?: string
  readonly diff?: unknown
}

/** Frames of the runner itself, which say nothing about a failure. */
const frameOfRunner = /^\s+at .*(node_modules\/(vitest|vite)\/|node:internal\/|\(<anonymous>\))/

/**
 * Writes the results of a vitest run as JSON (a list of TestResult) to LIFEBOAT_TEST_REPORT. Unlike vitest's
 * own JSON it holds the difference that an assertion saw, and what has run when a run is ended half-way.
 */
class ResultFile implements Reporter {
  readonly #file = process.env['LIFEBOAT_TEST_REPORT'] ?? ''
  readonly #results = new Map<string, readonly TestResult[]>()
  #root = process.cwd()

  onInit(vitest: { readonly config: { readonly root: string } }): void {
    this.#root = vitest.config.root
  }

  onTestModuleEnd(module: TestModule): void {
    this.#results.set(`${module.project.name} ${module.moduleId}`, this.#resultsOf(module))
    this.#write([])
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly ShownError[]): void {
    for (const module of modules) this.onTestModuleEnd(module)
    this.#write(
      unhandledErrors.map(error => ({
        file: '',
        project: modules[0]?.project.name ?? '',
        name: '(outside of every test)',
        status: 'failed',
        messages: textsOf([error]),
      })),
    )
  }

  #resultsOf(module: TestModule): readonly TestResult[] {
    const file = relative(this.#root, module.moduleId).split(sep).join('/')
    const project = module.project.name
    const results = [...module.children.allTests()].map((test): TestResult => {
      const result = test.result()
      // A test that never came to its end, because a hook failed or the run was ended, has not passed.
      const status = result.state === 'pending' ? 'failed' : result.state
      return { file, project, name: test.fullName, status, messages: textsOf(result.errors ?? []) }
    })
    const errors: readonly ShownError[] = [
      ...module.errors(),
      ...[...module.children.allSuites()].flatMap(suite => suite.errors()),
    ]
    if (errors.length === 0) return results
    const whole: TestResult = {
      file,
      project,
      name: '(outside of its tests)',
      status: 'failed',
      messages: textsOf(errors),
    }
    return [...results, whole]
  }

  #write(outside: readonly TestResult[]): void {
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(this.#file, JSON.stringify([...[...this.#results.values()].flat(), ...outside]))
  }
}

function textsOf(errors: readonly ShownError[]): string[] {
  return errors.map(error => {
    const stack = (error.stack ?? error.message).split('\n')
    const lines = stack.filter(line => !frameOfRunner.test(line))
    if (typeof error.diff === 'string') lines.push(error.diff)
    return stripVTControlCharacters(lines.join('\n'))
  })
}

// Vitest loads a reporter by its default export.
// eslint-disable-next-line import-x/no-default-export
export default ResultFile
