import { isRunning } from '../engines/daemon.ts'
import { labEngine } from '../engines/registry.ts'
import { buildImages, copyImages, outdatedImages } from '../images/build.ts'
import type { LabImage } from '../images/catalog.ts'
import type { Report } from '../lib/report.ts'
import { LabNeeds } from '../lib/system.ts'

/** Builds what is out of date on the first engine, and brings it to the second. */
export async function ensureImages(images: readonly LabImage[], report: Report): Promise<void> {
  const first = labEngine('20')
  const second = labEngine('26')
  if (!(await isRunning(first))) {
    throw new LabNeeds(`a running ${first.label}`, 'sudo npm test')
  }
  await buildImages(first, await outdatedImages(first, images), report)
  if (!(await isRunning(second))) return
  await copyImages(first, second, await outdatedImages(second, images), report)
}
