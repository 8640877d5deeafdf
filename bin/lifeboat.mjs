#!/usr/bin/env node
// The start file of the command. It must run on old versions of Node, to bring the right one.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const built = new URL('out/cli/lifeboat.js', root)
const source = new URL('src-main/cli/cli.ts', root)
const ownNode = new URL('node_modules/node/bin/node', root)

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const fromSource = !existsSync(built)
// 22.15 brought zstd; 22.18 runs TypeScript files as they are.
const isNewEnough = major > 22 || (major === 22 && minor >= (fromSource ? 18 : 15))

if (isNewEnough) {
  module.enableCompileCache()
  await import(fromSource ? source : built)
} else if (existsSync(ownNode)) {
  const child = spawn(
    fileURLToPath(ownNode),
    [fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit' },
  )
  // Ctrl-C reaches the whole group by itself; the child decides how to end, and we wait for it.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.on('SIGHUP', () => child.kill('SIGHUP'))
  child.on('error', error => {
    process.stderr.write(`lifeboat: ${fileURLToPath(ownNode)} does not start: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal]
  })
} else {
  process.stderr.write(
    `lifeboat: this is Node ${process.versions.node}, and Lifeboat needs 22.15 or newer.\n` +
      'Nothing was started. Run "npm ci" in the project once: it brings the right version.\n',
  )
  process.exitCode = 1
}
