import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { treeExit, treeScript } from '../../../src-main/engine/restore/tree/tree-script.ts'

const oddNames = ['-rf', 'two words', 'new\nline', '.hidden', '$(touch canary)']
/** Every rename would take minutes; these meet each phase. */
const someSteps = [0, 1, 3, 6, 8, 9, 11, 15, 16, 17, 100]

let base: string
let root: string
let work: string
/** Stands in for `mv` and `rm`; renames one by one and kills its whole process group at a given step. */
let shims: string

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'tree-'))
  root = path.join(base, 'volume')
  work = path.join(root, '.lifeboat-test')
  shims = path.join(base, 'bin')
  mkdirSync(root)
  mkdirSync(shims)
  writeFileSync(
    path.join(shims, 'mv'),
    String.raw`#!/bin/sh
tick() {
  steps=$(cat "$STEP_FILE")
  if [ "$steps" -eq 0 ]; then kill -9 0; fi
  echo $((steps - 1)) > "$STEP_FILE"
}
flag=
if [ "$1" = -n ]; then flag=-n; shift; fi
shift
if [ $# -eq 2 ]; then tick; PATH=$REAL_PATH exec mv $flag -- "$1" "$2"; fi
for last do :; done
for each do
  if [ "$each" = "$last" ]; then break; fi
  tick
  PATH=$REAL_PATH mv $flag -- "$each" "$last" || exit 1
done
`,
    { mode: 0o755 },
  )
})

afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the script; with `steps`, kills it with all its children before the rename of that number. */
async function run(action: string, rest: readonly string[], steps?: number): Promise<Ran> {
  const stepFile = path.join(base, 'steps')
  writeFileSync(stepFile, String(steps ?? -1))
  const realPath = process.env['PATH'] ?? ''
  const child = spawn('sh', ['-c', treeScript, '_', action, root, work, root, 'gnu', ...rest], {
    detached: true,
    cwd: base,
    env: {
      PATH: steps === undefined ? realPath : `${shims}:${realPath}`,
      REAL_PATH: realPath,
      STEP_FILE: stepFile,
    },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise<number | null>(resolve => child.on('close', resolve))
  return { code, stdout, stderr }
}

async function ok(action: string, rest: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(action, rest)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout
}

/** Everything of a tree that a swap could spoil. */
function describeTree(folder: string): readonly string[] {
  const lines: string[] = []
  function walk(relative: string): void {
    const full = path.join(folder, relative)
    const stat = lstatSync(full)
    const mode = (stat.mode & 0o7777).toString(8)
    if (stat.isSymbolicLink()) lines.push(`${relative} -> ${readlinkSync(full)}`)
    else if (stat.isDirectory()) {
      lines.push(`${relative}/ ${mode} ${stat.mtimeMs}`)
      for (const name of readdirSync(full).sort()) walk(path.join(relative, name))
    } else lines.push(`${relative} ${mode} ${stat.nlink} ${readFileSync(full, 'utf8')}`)
  }
  walk('')
  return lines
}

function fill(folder: string, mark: string): void {
  for (const name of oddNames) writeFileSync(path.join(folder, name), `${mark} ${name}`)
  mkdirSync(path.join(folder, 'sub', 'deep'), { recursive: true })
  writeFileSync(path.join(folder, 'sub', 'deep', 'file'), mark)
  writeFileSync(path.join(folder, `${mark}-alone`), mark, { mode: 0o400 })
  linkSync(path.join(folder, '.hidden'), path.join(folder, 'sub', 'hard'))
  symlinkSync('/nowhere/at/all', path.join(folder, 'dangling'))
  utimesSync(path.join(folder, 'sub'), 1_000_000_000, 1_000_000_000.25)
}

/** Fills the live folder, stages another state, and returns both as described. */
async function stage(
  rest: readonly string[],
): Promise<{ readonly before: readonly string[]; readonly after: readonly string[] }> {
  fill(root, 'old')
  chmodSync(root, 0o2751)
  utimesSync(root, 1_100_000_000, 1_100_000_000.5)
  const before = describeTree(root)
  await ok('prepare', rest)
  const staged = path.join(work, 'new')
  fill(staged, 'new')
  chmodSync(staged, 0o755)
  utimesSync(staged, 1_200_000_000, 1_200_000_000.5)
  const after = describeTree(staged)
  const measured = await ok('measure', rest)
  expect(measured.split('\n')[0]).toBe(`entries ${after.length - 1}`)
  return { before, after }
}

describe('restore/tree-script', () => {
  it('switches all children and the folder itself, and removes the former state at the end', async () => {
    const { after } = await stage(['all'])
    await ok('activate', ['all'])
    expect(existsSync(path.join(work, 'old', 'old-alone'))).toBe(true)
    await ok('finalize', ['all'])
    expect(describeTree(root)).toEqual(after)
    expect(existsSync(path.join(base, 'canary'))).toBe(false)
  })

  it('throws the staged state away without a trace', async () => {
    const { before } = await stage(['all'])
    await ok('discard', ['all'])
    expect(describeTree(root)).toEqual(before)
    expect(await ok('discard', ['all'])).toBe('absent\n')
  })

  it('comes back to the former state after a kill at any rename of a switch', async () => {
    const { before } = await stage(['all'])
    let last = 0
    for (const step of someSteps) {
      const { code } = await run('activate', ['all'], step)
      if (code === 0) break
      last = step
      expect(code).toBeNull()
      expect((await run('discard', ['all'])).code).toBe(treeExit.formerDataInside)
      await ok('revert', ['all'])
      expect(describeTree(root)).toEqual(before)
      await ok('prepare', ['all'])
      fill(path.join(work, 'new'), 'new')
      await ok('measure', ['all'])
    }
    expect(last).toBeGreaterThan(2 * oddNames.length)
  })

  it('finishes a switch that was killed at any rename', async () => {
    for (const step of someSteps) {
      rmSync(root, { recursive: true })
      mkdirSync(root)
      const { after } = await stage(['all'])
      const { code } = await run('activate', ['all'], step)
      await ok('activate', ['all'])
      await ok('finalize', ['all'])
      expect(describeTree(root)).toEqual(after)
      if (code === 0) return
    }
    expect.unreachable()
  })

  it('comes back to the former state when the way back is killed at any rename', async () => {
    for (const step of someSteps) {
      rmSync(root, { recursive: true })
      mkdirSync(root)
      const { before } = await stage(['all'])
      await ok('activate', ['all'])
      const { code } = await run('revert', ['all'], step)
      await ok('revert', ['all'])
      expect(describeTree(root)).toEqual(before)
      if (code === 0) return
    }
    expect.unreachable()
  })

  it('puts the former state back although something grew in its place meanwhile', async () => {
    const { before } = await stage(['all'])
    expect((await run('activate', ['all'], 3)).code).toBeNull()
    const moved = oddNames.filter(name => !existsSync(path.join(root, name)))
    expect(moved).not.toEqual([])
    for (const name of moved) writeFileSync(path.join(root, name), 'grown')
    await ok('revert', ['all'])
    expect(describeTree(root)).toEqual(before)
  })

  it('takes over what no backup holds, and gives it back', async () => {
    mkdirSync(path.join(root, 'keep', 'backups'), { recursive: true, mode: 0o750 })
    writeFileSync(path.join(root, 'keep', 'backups', 'one'), 'precious')
    writeFileSync(path.join(root, 'app.db'), 'live')
    const rest = ['all', 'keep/backups', 'app.db', 'not/there']
    for (const step of [0, 3, 8, 9, 10, 11, 12, 16, 100]) {
      const { before } = await stageAgain(rest)
      const { code } = await run('activate', rest, step)
      if (code === 0) break
      await ok('revert', rest)
      expect(describeTree(root)).toEqual(before)
    }
    expect(readFileSync(path.join(root, 'keep', 'backups', 'one'), 'utf8')).toBe('precious')
    expect(readFileSync(path.join(root, 'app.db'), 'utf8')).toBe('live')
    expect(existsSync(path.join(root, 'old-alone'))).toBe(false)
    await ok('revert', rest)
    expect(existsSync(path.join(root, 'old-alone'))).toBe(true)
    expect(readFileSync(path.join(root, 'keep', 'backups', 'one'), 'utf8')).toBe('precious')
  })

  async function stageAgain(
    rest: readonly string[],
  ): Promise<{ readonly before: readonly string[] }> {
    if (!existsSync(path.join(root, 'old-alone'))) fill(root, 'old')
    const before = describeTree(root)
    await ok('prepare', rest)
    fill(path.join(work, 'new'), 'new')
    await ok('measure', rest)
    return { before }
  }

  it('never follows a link out of the folder to take something over', async () => {
    const outside = path.join(base, 'outside')
    mkdirSync(outside)
    writeFileSync(path.join(outside, 'victim'), 'untouched')
    symlinkSync(outside, path.join(root, 'sub'))
    const before = describeTree(root)
    await ok('prepare', ['all', 'sub/victim'])
    await ok('measure', ['all', 'sub/victim'])
    expect((await run('activate', ['all', 'sub/victim'])).code).toBe(treeExit.renameFailed)
    await ok('revert', ['all', 'sub/victim'])
    expect(describeTree(root)).toEqual(before)
    expect(readFileSync(path.join(outside, 'victim'), 'utf8')).toBe('untouched')
  })

  it('replaces named files alone, and makes absent what was not staged', async () => {
    fill(root, 'old')
    const rest = ['only', '.hidden', '-rf', 'app.db']
    await ok('prepare', rest)
    writeFileSync(path.join(work, 'new', '.hidden'), 'new')
    writeFileSync(path.join(work, 'new', 'app.db'), 'new')
    await ok('activate', rest)
    expect(readFileSync(path.join(root, '.hidden'), 'utf8')).toBe('new')
    expect(readFileSync(path.join(root, 'app.db'), 'utf8')).toBe('new')
    expect(existsSync(path.join(root, '-rf'))).toBe(false)
    expect(readFileSync(path.join(root, 'old-alone'), 'utf8')).toBe('old')
    await ok('revert', rest)
    expect(readFileSync(path.join(root, '.hidden'), 'utf8')).toBe('old .hidden')
    expect(readFileSync(path.join(root, '-rf'), 'utf8')).toBe('old -rf')
    expect(existsSync(path.join(root, 'app.db'))).toBe(false)
    expect(existsSync(work)).toBe(false)
  })

  it('gives a folder back as it was, its time too, after a kill at any rename of a switch of named files', async () => {
    fill(root, 'old')
    utimesSync(root, 1_100_000_000, 1_100_000_000.5)
    const before = describeTree(root)
    const rest = ['only', '.hidden', '-rf', 'app.db']
    for (let steps = 0; ; steps += 1) {
      await ok('prepare', rest)
      writeFileSync(path.join(work, 'new', '.hidden'), 'new')
      writeFileSync(path.join(work, 'new', 'app.db'), 'new')
      const { code } = await run('activate', rest, steps)
      await run('revert', rest, 1)
      await ok('revert', rest)
      expect(describeTree(root)).toEqual(before)
      expect(existsSync(work)).toBe(false)
      if (code === 0) break
      expect(steps).toBeLessThan(20)
    }
  })

  it('leaves the time of a folder that somebody else has changed since', async () => {
    fill(root, 'old')
    utimesSync(root, 1_100_000_000, 1_100_000_000.5)
    const rest = ['only', '.hidden']
    await ok('prepare', rest)
    writeFileSync(path.join(work, 'new', '.hidden'), 'new')
    await ok('activate', rest)
    writeFileSync(path.join(root, 'grown'), '')
    const { mtimeMs } = lstatSync(root)
    await ok('revert', rest)
    expect(lstatSync(root).mtimeMs).toBeGreaterThanOrEqual(mtimeMs)
  })

  it('refuses a second switch at once, a way back after the end, and a folder that is a link outside', async () => {
    await stage(['all'])
    expect((await run('prepare', ['all'])).code).toBe(treeExit.workExists)
    expect((await run('finalize', ['all'])).code).toBe(treeExit.formerDataInside)
    await ok('activate', ['all'])
    writeFileSync(path.join(work, 'finishing'), '')
    expect((await run('revert', ['all'])).code).toBe(treeExit.noWayBack)
    const outside = path.join(base, 'outside')
    mkdirSync(outside)
    symlinkSync(outside, path.join(base, 'link'))
    const child = await runIn(path.join(base, 'link'), root)
    expect(child).toBe(treeExit.leadsOut)
    expect(readdirSync(outside)).toEqual([])
  })

  async function runIn(folder: string, mount: string): Promise<number | null> {
    const child = spawn(
      'sh',
      [
        '-c',
        treeScript,
        '_',
        'prepare',
        folder,
        path.join(folder, '.lifeboat-x'),
        mount,
        'gnu',
        'all',
      ],
      { stdio: 'ignore' },
    )
    return new Promise(resolve => child.on('close', resolve))
  }
})
