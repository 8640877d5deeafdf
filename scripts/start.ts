// Opens the app: its window where there is an Electron, else the same app in the browser.
import './build.ts'

import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** The Electron program; its package fetches it on first use. Null where that cannot be done. */
function electronProgram(): string | null {
  const named = process.env['ELECTRON_EXEC_PATH']
  if (named) return named
  try {
    return createRequire(import.meta.url)('electron') as string
  } catch {
    return null
  }
}

const electron = electronProgram()
if (electron === null) {
  process.stderr.write(
    'lifeboat: Electron could not be fetched, so there is no window of its own. The same app in the browser:\n',
  )
}
const [program, argv] =
  electron === null
    ? [process.execPath, [join(root, 'bin', 'lifeboat.mjs'), 'serve']]
    : [electron, [root]]
const child = spawn(program, [...argv, ...process.argv.slice(2)], { stdio: 'inherit', cwd: root })
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', code => (process.exitCode = code ?? 1))
