import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { mirrorArguments } from '../images/base.ts'
import { labPaths } from '../lib/paths.ts'
import { hashOf } from '../lib/recipe.ts'
import type { Report } from '../lib/report.ts'
import { run, tryRun } from '../lib/run.ts'
import { ensurePackages } from '../lib/system.ts'
import { type LabEngine, labEngine } from './registry.ts'

// Unpacked and not installed: an engine that the machine's owner uses is neither replaced nor
// restarted, and both versions are there whatever the release of this machine is.
const programs = [
  'usr/bin/containerd',
  'usr/bin/containerd-shim-runc-v2',
  'usr/bin/ctr',
  'usr/bin/docker',
  'usr/bin/docker-init',
  'usr/bin/runc',
  'usr/bin/tini-static',
  'usr/sbin/docker-proxy',
  'usr/sbin/dockerd',
  'usr/sbin/runc',
]
const composePlugin = 'usr/libexec/docker/cli-plugins/docker-compose'
const recipeVersion = '2'

/** Brings the engine's programs (and, with 26, the compose plug-in) into the cache. */
export async function ensureUnpacked(engine: LabEngine, report: Report): Promise<void> {
  const stamp = join(engine.bin, 'recipe')
  const recipe = hashOf(recipeVersion, engine.suite, ...engine.packages)
  if ((await readFile(stamp, 'utf8').catch(() => '')) !== recipe) {
    await ensurePackages(['mmdebstrap'], report)
    report.say(`unpacking ${engine.label} from the packages of Debian ${engine.suite}`)
    await unpack(engine)
    await writeFile(stamp, recipe)
  }
  await linkCompose()
}

async function unpack(engine: LabEngine): Promise<void> {
  const root = `${engine.bin}.unpacked`
  const fresh = `${engine.bin}.partial`
  await Promise.all([root, fresh].map(path => rm(path, { recursive: true, force: true })))
  await mkdir(fresh, { recursive: true })
  const include = `--include=${engine.packages.join(',')}`
  const options = ['--variant=extract', '--components=main', include]
  await run(['mmdebstrap', '--quiet', ...options, engine.suite, root, ...mirrorArguments()])
  for (const program of [...programs, composePlugin]) {
    const target = join(fresh, program.split('/').at(-1) ?? '')
    await cp(join(root, program), target, { dereference: true }).catch((error: unknown) =>
      unless('ENOENT', error),
    )
  }
  await replaceUnusableRunc(fresh)
  await rm(root, { recursive: true, force: true })
  await rm(engine.bin, { recursive: true, force: true })
  await rename(fresh, engine.bin)
}

/** A runc built for a newer C library than this machine's gives way to the other engine's. */
async function replaceUnusableRunc(folder: string): Promise<void> {
  const runc = join(folder, 'runc')
  const works = await tryRun([runc, '--version']).then(
    result => result.code === 0,
    () => false,
  )
  if (works) return
  await rm(runc, { force: true })
  await symlink(join(labEngine('20').bin, 'runc'), runc)
}

async function linkCompose(): Promise<void> {
  const folder = join(labPaths().dockerConfig, 'cli-plugins')
  await mkdir(folder, { recursive: true })
  const target = join(labEngine('26').bin, 'docker-compose')
  const link = join(folder, 'docker-compose')
  await symlink(target, link).catch((error: unknown) => unless('EEXIST', error))
}

function unless(code: string, error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== code) throw error
}
