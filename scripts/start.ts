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

/** Why there cannot be a window of its own; null when there can. */
function whyNoWindow(): string | null {
  const { platform, env } = process
  if (platform === 'linux' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY'])
    return 'There is no display'
  return electronProgram() === null ? 'Electron could not be fetched' : null
}

const reason = whyNoWindow()
const electron = reason === null ? electronProgram() : null
if (reason !== null) {
  process.stderr.write(
    `lifeboat: ${reason}, so there is no window of its own. The same app in the browser:\n`,
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
