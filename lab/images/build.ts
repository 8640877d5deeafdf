import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { engineEnvironment, type LabEngine } from '../engines/registry.ts'
import { hashOf, hashOfFolder } from '../lib/recipe.ts'
import type { Report } from '../lib/report.ts'
import { run, runPipe, tryRun } from '../lib/run.ts'
import { baseHash, ensureBaseArchive } from './base.ts'
import { baseTag, type LabImage } from './catalog.ts'
import { provide, versionOf } from './parts.ts'

const recipes = join(import.meta.dirname, 'recipes')
const recipeLabel = 'lifeboat.lab.recipe'

/** The hash that an image on an engine must carry to be up to date. */
export async function recipeHash(image: LabImage): Promise<string> {
  const part = image.needs === undefined ? '' : versionOf(image.needs)
  return hashOf(baseHash, part, await hashOfFolder(join(recipes, image.recipe)))
}

/** Those of the images that the engine does not have, or has from an older recipe. */
export async function outdatedImages(
  engine: LabEngine,
  images: readonly LabImage[],
): Promise<readonly LabImage[]> {
  const known = await imageLabels(engine)
  const wanted = await Promise.all(
    images.map(async image => ({ image, hash: await recipeHash(image) })),
  )
  return wanted.filter(({ image, hash }) => known.get(image.tag) !== hash).map(({ image }) => image)
}

/** Builds the images on this engine, the base first when it is not there. */
export async function buildImages(
  engine: LabEngine,
  images: readonly LabImage[],
  report: Report,
): Promise<void> {
  if (images.length === 0) return
  await importBase(engine, report)
  for (const image of images) await buildImage(engine, image, report)
}

/** Brings images from one engine to another without a registry. */
export async function copyImages(
  from: LabEngine,
  to: LabEngine,
  images: readonly LabImage[],
  report: Report,
): Promise<void> {
  if (images.length === 0) return
  const tags = [baseTag, ...images.map(image => image.tag)]
  report.say(`copying ${tags.join(', ')} to ${to.label}`)
  await runPipe(['docker', 'save', ...tags], ['docker', 'load'], {
    first: engineEnvironment(from),
    second: engineEnvironment(to),
  })
}

async function importBase(engine: LabEngine, report: Report): Promise<void> {
  if ((await imageLabels(engine)).get(baseTag) === baseHash) return
  const archive = await ensureBaseArchive(report)
  report.say(`importing the base image into ${engine.label}`)
  const change = `LABEL ${recipeLabel}=${baseHash}`
  await run(['docker', 'import', '--change', change, archive, baseTag], {
    env: engineEnvironment(engine),
  })
}

async function buildImage(engine: LabEngine, image: LabImage, report: Report): Promise<void> {
  const hash = await recipeHash(image)
  const context = await mkdtemp(join(tmpdir(), 'lifeboat-lab-build-'))
  try {
    await cp(join(recipes, image.recipe), context, { recursive: true })
    if (image.needs !== undefined) await provide(image.needs, context, report)
    report.say(`building ${image.tag}`)
    const options = ['--quiet', '--network=host', '--label', `${recipeLabel}=${hash}`]
    await run(['docker', 'build', ...options, '--tag', image.tag, context], {
      env: engineEnvironment(engine),
    })
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

/** Recipe hashes by tag, of all images of the lab on the engine. */
async function imageLabels(engine: LabEngine): Promise<ReadonlyMap<string, string>> {
  const env = engineEnvironment(engine)
  const list = ['docker', 'image', 'ls', '--filter', `label=${recipeLabel}`]
  const tags = (await run([...list, '--format', '{{.Repository}}:{{.Tag}}'], { env }))
    .split('\n')
    .filter(tag => tag !== '' && !tag.includes('<none>'))
  if (tags.length === 0) return new Map()
  const format = `{{join .RepoTags " "}} {{index .Config.Labels "${recipeLabel}"}}`
  const shown = await tryRun(['docker', 'image', 'inspect', '--format', format, ...tags], { env })
  const labels = new Map<string, string>()
  for (const line of shown.stdout.toString('utf8').split('\n')) {
    const words = line.split(' ')
    const hash = words.at(-1) ?? ''
    for (const tag of words.slice(0, -1)) labels.set(tag, hash)
  }
  return labels
}
