import { glob } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** Which files each project of the test runners takes; the same rules as in their configurations. */
const rules: readonly { project: string; pattern: string; except?: RegExp }[] = [
  { project: 'unit', pattern: 'test/unit/**/*.test.ts' },
  { project: 'unit', pattern: 'test/conformance/**/*.test.ts' },
  { project: 'engine-20', pattern: 'test/engine/**/*.test.ts', except: /\.long\.test\.ts$/ },
  {
    project: 'engine-26',
    pattern: 'test/engine/**/*.test.ts',
    except: /\.(once|long)\.test\.ts$/,
  },
  { project: 'long-20', pattern: 'test/engine/**/*.long.test.ts' },
  { project: 'long-26', pattern: 'test/engine/**/*.long.test.ts' },
  { project: 'electron', pattern: 'test/e2e/electron/**/*.spec.ts' },
  { project: 'chromium', pattern: 'test/e2e/browser/**/*.spec.ts' },
]

/** The test files on disk, with the project that should run them. */
export async function testFiles(
  root: string,
): Promise<readonly { readonly project: string; readonly file: string }[]> {
  const found = await Promise.all(
    rules.map(async rule => {
      const files = await Array.fromAsync(glob(rule.pattern, { cwd: root }))
      return files
        .map(file => file.split(sep).join('/'))
        .filter(file => !rule.except?.test(file))
        .map(file => ({ project: rule.project, file }))
    }),
  )
  return found.flat().sort((a, b) => a.file.localeCompare(b.file))
}

/** A file that no project runs would never be missed: these are the test files outside of every rule. */
export async function strayTestFiles(root: string): Promise<readonly string[]> {
  const known = new Set((await testFiles(root)).map(({ file }) => file))
  const all = await Array.fromAsync(glob('test/**/*.{test,spec}.ts', { cwd: root }))
  return all.map(file => join(file).split(sep).join('/')).filter(file => !known.has(file))
}
