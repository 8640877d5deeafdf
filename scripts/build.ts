// Builds everything: the command (out/cli), the window's main process and preload (out/main, out/preload) and
// the pages (out/renderer), which both the window and `lifeboat serve` show.
import { join } from 'node:path'

import { build as buildElectron } from 'electron-vite'
import { build } from 'vite'

import { filesImportingElectron } from './lib/bundle-check.ts'

const root = join(import.meta.dirname, '..')
const logLevel = 'warn'
const started = performance.now()

function done(what: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`built ${what} (${seconds} s)\n`)
}

await build({ root, configFile: join(root, 'cli.vite.config.ts'), logLevel })
const wrong = await filesImportingElectron(join(root, 'out', 'cli'))
if (wrong.length > 0) {
  throw new Error(
    `The command must run in plain Node, yet electron is imported by: ${wrong.join(', ')}`,
  )
}
done('the command: out/cli')

await buildElectron({ root, configFile: join(root, 'electron.vite.config.ts'), logLevel })
done('the window and its pages: out/main, out/preload, out/renderer')
