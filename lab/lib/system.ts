import { readFile } from 'node:fs/promises'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

import type { Report } from './report.ts'
import { run, tryRun } from './run.ts'

/** A thing the lab needs, is not there, and cannot be installed without the user's help. */
export class LabNeeds extends Error {
  /** The command that installs it. */
  readonly install: string

  constructor(what: string, install: string) {
    super(`${what} is missing; install it with: ${install}`)
    this.name = 'LabNeeds'
    this.install = install
  }
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** The program's full path, when it is on the PATH (system folders included). */
export async function which(program: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  for (const folder of folders) {
    if (folder === '') continue
    const path = join(folder, program)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/** `ID` and `VERSION_CODENAME` of the running system, empty when it does not say. */
export async function systemRelease(): Promise<{ readonly id: string; readonly codename: string }> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? ''
  return { id: field('ID'), codename: field('VERSION_CODENAME') }
}

/** Those of the Debian packages that are not installed. Everything counts as missing without dpkg. */
export async function missingPackages(packages: readonly string[]): Promise<readonly string[]> {
  if (packages.length === 0) return []
  const result = await tryRun([
    'dpkg-query',
    '--show',
    '--showformat=${Package} ${db:Status-Status}\n',
    ...packages,
  ]).catch(() => undefined)
  const installed = new Set(
    (result?.stdout.toString('utf8') ?? '')
      .split('\n')
      .filter(line => line.endsWith(' installed'))
      .map(line => line.split(' ')[0]),
  )
  return packages.filter(name => !installed.has(name))
}

let listsFresh = false
let lastInstall: Promise<unknown> = Promise.resolve()

/**
 * Makes sure that Debian packages are installed; resolves to those it installed.
 * Throws {@link LabNeeds} when some are missing and this is not root.
 */
export async function ensurePackages(
  packages: readonly string[],
  report: Report,
): Promise<readonly string[]> {
  const missing = await missingPackages(packages)
  if (missing.length === 0) return []
  if (!isRoot()) throw new LabNeeds(missing.join(', '), aptCommand(missing))
  // Parts are made side by side, packages are installed one after the other.
  const mine = lastInstall.then(() => install(missing, report))
  lastInstall = mine.catch(() => undefined)
  await mine
  return missing
}

async function install(wanted: readonly string[], report: Report): Promise<void> {
  const missing = await missingPackages(wanted)
  if (missing.length === 0) return
  report.say(`installing packages: ${missing.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const quietly = ['-o', 'DPkg::Lock::Timeout=600', '-q', '-y']
  if (!listsFresh) {
    await run(['apt-get', ...quietly, 'update'], { env })
    listsFresh = true
  }
  await run(['apt-get', ...quietly, 'install', '--no-install-recommends', ...missing], { env })
}

/** The command a person types to install these packages. */
export function aptCommand(packages: readonly string[]): string {
  return `sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`
}
