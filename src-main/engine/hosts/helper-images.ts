import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { replaceFile } from '../lib/durable.ts'
import { interrupted } from '../lib/interrupted.ts'
import type { HelperTools } from './helper.ts'
import { startKept } from './helper-keeper.ts'
import { isPerfect, NO_TOOLS, PROBE_VERSION, probeTools, scoreOf } from './helper-tools.ts'
import type { DockerHost, ImageDefinition } from './host.ts'

/** An image on the host and what its tools can do. */
export interface HelperImage {
  /** Id of the image, `sha256:…`. */
  readonly image: string
  readonly tools: HelperTools
}

export interface ImageSearch {
  readonly cacheFolder: string
  /** Image ids to try first: those of the stack, which run on this host for certain. */
  readonly prefer?: readonly string[]
  readonly signal?: AbortSignal
}

/** Images that are asked in one search; each costs about a second, once. */
const MAX_PROBES = 12

/** The architecture words of the engine (`x86_64`) as those of images (`amd64`). */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm',
  armv6l: 'arm',
  i386: '386',
  i686: '386',
}

/**
 * The best image on the host for a purpose, or null; never pulls. What an image's tools can do is asked
 * once per image id and kept in the cache. The search ends at the first image for which `ideal` says yes.
 */
export async function findHelperImage(
  host: DockerHost,
  search: ImageSearch,
  need: (tools: HelperTools) => boolean = tools => scoreOf(tools) > 0,
  ideal: (tools: HelperTools) => boolean = isPerfect,
): Promise<HelperImage | null> {
  const probes = await ImageProbes.open(host, search)
  let best: HelperImage | null = null
  const consider = async (image: string): Promise<boolean> => {
    const tools = await probes.toolsOf(image)
    if (tools === null || !need(tools)) return false
    if (best === null || scoreOf(tools) > scoreOf(best.tools)) best = { image, tools }
    return ideal(tools)
  }
  try {
    for (const image of new Set(search.prefer)) if (await consider(image)) return best
    const others = await otherImages(host)
    // What is known already costs nothing.
    others.sort((a, b) => Number(probes.isKnown(b.id)) - Number(probes.isKnown(a.id)))
    for (const { id } of others) if (await consider(id)) return best
    return best
  } finally {
    await probes.save()
  }
}

async function otherImages(host: DockerHost): Promise<ImageDefinition[]> {
  const [images, daemon] = [await host.images(), host.summary.daemon ?? (await host.daemon())]
  const architecture = ARCHITECTURES[daemon.architecture] ?? daemon.architecture
  return images
    .filter(image => image.architecture === architecture || image.architecture === '')
    .toSorted(
      (a, b) => Number(b.tags.length > 0) - Number(a.tags.length > 0) || b.sizeBytes - a.sizeBytes,
    )
}

/** What is known of the images of one engine, and the means to learn more. */
class ImageProbes {
  readonly #host: DockerHost
  readonly #signal: AbortSignal | undefined
  readonly #file: string
  readonly #known: Map<string, HelperTools>
  #changed = false
  #probes = 0

  private constructor(
    host: DockerHost,
    signal: AbortSignal | undefined,
    file: string,
    known: Map<string, HelperTools>,
  ) {
    this.#host = host
    this.#signal = signal
    this.#file = file
    this.#known = known
  }

  static async open(host: DockerHost, search: ImageSearch): Promise<ImageProbes> {
    const daemon = host.summary.daemon ?? (await host.daemon())
    const name = createHash('sha256').update(daemon.id).digest('hex').slice(0, 32)
    const file = path.join(search.cacheFolder, 'helper-tools', `${name}.json`)
    return new ImageProbes(host, search.signal, file, await readKnown(file))
  }

  isKnown(image: string): boolean {
    return this.#known.has(image)
  }

  /** Null when the image is not there (any more) or enough images were asked. */
  async toolsOf(image: string): Promise<HelperTools | null> {
    const known = this.#known.get(image)
    if (known !== undefined) return known
    if (this.#signal?.aborted === true) throw interrupted()
    if (this.#probes >= MAX_PROBES) return null
    this.#probes++
    const tools = await this.#probe(image)
    if (tools !== null) {
      this.#known.set(image, tools)
      this.#changed = true
    }
    return tools
  }

  async save(): Promise<void> {
    if (!this.#changed) return
    const content = { probe: PROBE_VERSION, images: Object.fromEntries(this.#known) }
    try {
      await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 })
      await replaceFile(this.#file, JSON.stringify(content, null, 2))
    } catch {
      // A cache that cannot be written costs a second the next time, and nothing else.
    }
  }

  async #probe(image: string): Promise<HelperTools | null> {
    let helper
    try {
      helper = await startKept(this.#host, { purpose: 'read', image, mounts: [] })
    } catch (error) {
      const code = (error as { code?: unknown }).code
      if (code === 'no-helper-image') return null
      // No shell in it, or not made for this machine.
      if (code === 'failed' || code === 'container-gone') return NO_TOOLS
      throw error
    }
    try {
      return await probeTools(this.#host.inContainer(helper.containerId), this.#signal)
    } catch (error) {
      const code = (error as { code?: unknown }).code
      if (code === 'container-gone' || code === 'tool-missing' || code === 'command-failed') {
        return NO_TOOLS
      }
      throw error
    } finally {
      await helper.close()
    }
  }
}

async function readKnown(file: string): Promise<Map<string, HelperTools>> {
  try {
    const content = JSON.parse(await readFile(file, 'utf8')) as {
      readonly probe: number
      readonly images: Readonly<Record<string, HelperTools>>
    }
    return new Map(content.probe === PROBE_VERSION ? Object.entries(content.images) : [])
  } catch {
    return new Map()
  }
}
