// Starts every npm script: brings the dependencies and Node 24 first, so that each task works in a fresh
// clone. Plain JavaScript for Node 20, and nothing from node_modules.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const windows = process.platform === 'win32'
const nodeBinary = join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node')

/** What `npm run TASK` does: arguments for Node 24. */
const tasks = {
  // From the sources: nothing to build, and never older than they are.
  demo: ['src-main/cli/cli.ts', 'demo'],
  start: ['scripts/start.ts'],
  build: ['scripts/build.ts'],
  lint: ['scripts/test.ts', '--stages', 'lint'],
  test: ['scripts/test.ts'],
  'test:unit': ['scripts/test.ts', '--stages', 'unit'],
  'test:engine': ['scripts/test.ts', '--stages', 'set-up,engine'],
  'test:long': ['scripts/test.ts', '--stages', 'set-up,long'],
  'test:e2e': ['scripts/test.ts', '--stages', 'set-up,build,e2e'],
  bench: ['scripts/bench/bench.ts'],
  screenshots: ['scripts/screenshots.ts'],
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

/** Why the dependencies must be installed, or null when what is there is what the lock file asks for. */
function reasonToInstall() {
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))
  if (installed === null) return 'the dependencies are not installed yet'
  if (!existsSync(nodeBinary)) return 'Node 24 is not installed yet'
  const wanted = readJson(join(root, 'package-lock.json')).packages
  const changed = Object.keys(wanted).find(
    path =>
      path !== '' &&
      !wanted[path].optional &&
      !wanted[path].devOptional &&
      !wanted[path].peer &&
      installed.packages[path]?.version !== wanted[path].version,
  )
  return changed === undefined ? null : `the lock file has changed (${changed})`
}

function installDependencies() {
  const reason = reasonToInstall()
  if (reason === null) return
  process.stderr.write(`lifeboat: ${reason}: running npm ci (about a minute)\n`)
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: windows,
  })
  if (done.status !== 0) {
    process.stderr.write('lifeboat: npm ci failed; its message is above. Nothing else was done.\n')
    process.exit(1)
  }
}

const [task = '', ...rest] = process.argv.slice(2)
if (!Object.hasOwn(tasks, task)) {
  process.stderr.write(`Usage: node scripts/run.mjs ${Object.keys(tasks).join('|')} [arguments]\n`)
  process.exit(2)
}

if (!existsSync(join(root, tasks[task][0]))) {
  process.stderr.write(
    `lifeboat: ${tasks[task][0]} is not part of this version, so there is no ${task} yet.\n`,
  )
  process.exit(1)
}
installDependencies()

const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
const child = spawn(nodeBinary, [...tasks[task], ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
})
// Ctrl-C reaches the whole group by itself; the task decides how to end, and we wait for it.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? code : 128 + constants.signals[signal]
})
