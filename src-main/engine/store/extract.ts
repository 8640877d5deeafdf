import { randomBytes } from 'node:crypto'
import { chmod, copyFile, link, mkdir, rename, rm, symlink, utimes } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { FileEntry } from '../../contract/model.ts'
import { codeOf, makeFolder, syncFolder } from '../lib/durable.ts'
import { encodePath } from '../lib/path-bytes.ts'
import { TarParser } from '../lib/tar/tar-parser.ts'
import { openArtifact } from './artifact-reader.ts'
import { type ExtractPlan, planExtract, type Skipped } from './extract-plan.ts'
import { type FileMember, MemberFile } from './extract-writer.ts'
import { artifactsOf, asEntry, indexOf } from './files.ts'
import type { ArtifactRecord, Manifest } from './manifest.ts'
import { isThere } from './repository-file.ts'
import { storageError } from './storage-error.ts'

export interface ExtractRequest {
  /** Folder of the snapshot. */
  readonly folder: string
  readonly manifest: Manifest
  readonly item: string
  /** Files and folders inside the item; '' for all of it. */
  readonly paths: readonly string[]
  /** Folder on this computer; made when it is not there. Nothing in it is overwritten. */
  readonly to: string
  readonly signal: AbortSignal
  /** Plain bytes of the archive that were read since the last call. */
  onBytes?(bytes: number): void
}

export interface ExtractResult {
  readonly files: number
  readonly bytes: number
  readonly to: string
  /** Absolute paths that came into being. */
  readonly written: readonly string[]
  readonly skipped: readonly Skipped[]
}

/** A path below a folder, as bytes where the name is not text. */
function below(folder: string, relative: string): string | Buffer {
  const plain = path.join(folder, ...relative.split('/'))
  return /[\ud800-\udfff]/.test(relative)
    ? Buffer.concat([Buffer.from(`${folder}${path.sep}`), encodePath(relative)])
    : plain
}

function exists(file: string): AppError {
  return new AppError('destination-unwritable', {
    message: `${file} exists already.`,
    state: NOTHING_CHANGED,
    hint: 'Choose another folder with --to, or move that file away. Nothing is ever overwritten.',
  })
}

/**
 * Copies files or folders out of a snapshot to this computer. They are written into a hidden folder
 * beside their place and appear under their names only after the whole archive was read and its hashes
 * agreed. Rejects with `unsafe-archive`, `path-missing`, `stream-corrupt`, `destination-unwritable`,
 * `disk-full`.
 */
export async function extractFiles(request: ExtractRequest): Promise<ExtractResult> {
  const { folder, manifest, item } = request
  const artifacts = artifactsOf(manifest, item)
  const index = await indexOf(folder, manifest, item)
  const lines = [
    ...new Set(
      request.paths.flatMap(each =>
        index.under(each.replace(/^(?:\.?\/+)+|\/+$/g, '').replace(/^\.$/, '')),
      ),
    ),
  ]
  const wanted = lines.sort((a, b) => a - b).map(line => index.entry(line))
  const plan = planExtract(request.paths, wanted, process.platform)
  const to = path.resolve(request.to)
  for (const top of plan.tops) {
    if (await isThere(below(to, top))) throw exists(path.join(to, top))
  }
  const stage = path.join(to, `.lifeboat-extract-${randomBytes(6).toString('hex')}`)
  const needed = wanted.reduce((sum, each) => sum + each.sizeBytes, 0)
  try {
    await makeFolder(stage)
    const extraction = new Extraction(stage, plan)
    for (const artifact of artifacts) await extraction.read(request, artifact)
    await extraction.finish()
    const written = await publish(stage, to, plan)
    return {
      files: extraction.files,
      bytes: extraction.bytes,
      to,
      written,
      skipped: extraction.skipped,
    }
  } catch (error) {
    throw await storageError(error, to, needed)
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

/** Moves what was proved to its names. */
async function publish(stage: string, to: string, plan: ExtractPlan): Promise<string[]> {
  const written: string[] = []
  for (const top of plan.tops) {
    const from = below(stage, top)
    if (!(await isThere(from))) continue
    const target = below(to, top)
    if (await isThere(target)) throw exists(path.join(to, top))
    await mkdir(below(to, parentOf(top)), { recursive: true })
    await rename(from, target)
    written.push(path.join(to, top))
  }
  await syncFolder(to)
  return written
}

function parentOf(relative: string): string {
  return relative.slice(0, Math.max(0, relative.lastIndexOf('/')))
}

/** Inside the hidden folder: bytes that only serve a hard link. */
const DONORS = '.lifeboat-donors'

type Step = () => Promise<void>

class Extraction {
  readonly #stage: string
  readonly #plan: ExtractPlan
  readonly #skipped: Skipped[]
  readonly #folders: { readonly entry: FileEntry; readonly to: string }[] = []
  readonly #links: { readonly entry: FileEntry; readonly to: string }[] = []
  #file: MemberFile | null = null
  #files = 0
  #bytes = 0

  constructor(stage: string, plan: ExtractPlan) {
    this.#stage = stage
    this.#plan = plan
    this.#skipped = [...plan.skipped]
  }

  get files(): number {
    return this.#files
  }

  get bytes(): number {
    return this.#bytes
  }

  get skipped(): readonly Skipped[] {
    return this.#skipped
  }

  /** Reads one artifact to its end, whatever is wanted of it: only then are its hashes known to be right. */
  async read(request: ExtractRequest, artifact: ArtifactRecord): Promise<void> {
    const entry = asEntry(request.manifest, artifact)
    if (artifact.content !== 'tar' && !this.#plan.entries.has(entry.path)) return
    const source = openArtifact(request.folder, artifact, { signal: request.signal })
    let steps: Step[] = []
    const archive = artifact.content === 'tar' ? this.#archive(step => steps.push(step)) : null
    try {
      if (archive === null) await this.#begin({ entry, sparse: null })
      for await (const chunk of source) {
        const bytes = chunk as Buffer
        if (archive === null) await this.#file?.write(bytes)
        else archive.write(bytes)
        for (const step of steps) await step()
        steps = []
        request.onBytes?.(bytes.length)
      }
      if (archive === null) await this.#end(entry)
    } finally {
      await this.#file?.abandon()
      this.#file = null
    }
  }

  #archive(then: (step: Step) => void): TarParser {
    let current: FileEntry | null = null
    return new TarParser({
      onMember: member => {
        const { path: name } = member.entry
        if (!this.#plan.entries.has(name) && !this.#plan.donors.has(name)) return false
        current = member.entry
        then(() => this.#begin(member))
        return true
      },
      onData: bytes => then(async () => this.#file?.write(bytes)),
      onMemberEnd: () => {
        const entry = current
        if (entry !== null) then(() => this.#end(entry))
      },
    })
  }

  /** Where a member is staged; bytes that only serve a hard link have a place of their own. */
  #placeOf(entry: FileEntry): string {
    return this.#plan.entries.get(entry.path)?.to ?? `${DONORS}/${entry.path}`
  }

  async #begin(member: FileMember): Promise<void> {
    const { entry } = member
    const to = this.#placeOf(entry)
    if (entry.type === 'directory') {
      this.#folders.push({ entry, to })
      await mkdir(below(this.#stage, to), { recursive: true, mode: 0o700 })
      return
    }
    if (entry.type === 'symlink' || entry.type === 'hardlink') {
      this.#links.push({ entry, to })
      return
    }
    await this.#makeParent(to)
    try {
      this.#file = await MemberFile.create(below(this.#stage, to), member)
    } catch (error) {
      if (!['EEXIST', 'EILSEQ', 'EINVAL', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')) throw error
      this.#skipped.push({
        path: entry.path,
        reason: 'this computer cannot hold a file of that name beside the others',
      })
    }
  }

  async #makeParent(to: string): Promise<void> {
    const parent = parentOf(to)
    if (parent === '') return
    await mkdir(below(this.#stage, parent), { recursive: true, mode: 0o700 })
  }

  async #end(entry: FileEntry): Promise<void> {
    const file = this.#file
    if (file === null) return
    this.#file = null
    await file.finish(entry.mode, new Date(entry.modified))
    if (!this.#plan.entries.has(entry.path)) return
    this.#files += 1
    this.#bytes += entry.sizeBytes
  }

  /** Links come when all files are written, so that nothing is ever written through one. */
  async finish(): Promise<void> {
    for (const { entry, to } of this.#links) {
      await this.#makeParent(to)
      await this.#makeLink(entry, to)
    }
    for (const { entry, to } of this.#folders.toReversed()) {
      const time = new Date(entry.modified)
      await chmod(below(this.#stage, to), (entry.mode & 0o777) | 0o700)
      await utimes(below(this.#stage, to), time, time)
    }
  }

  async #makeLink(entry: FileEntry, to: string): Promise<void> {
    const target = entry.linkTarget ?? ''
    try {
      if (entry.type === 'symlink') {
        await symlink(encodePath(target), below(this.#stage, to))
      } else {
        const from = this.#plan.entries.get(target)?.to ?? `${DONORS}/${target}`
        await link(below(this.#stage, from), below(this.#stage, to)).catch(
          async (error: unknown) => {
            // File systems without hard links.
            if (codeOf(error) === 'ENOENT') throw error
            await copyFile(below(this.#stage, from), below(this.#stage, to))
          },
        )
      }
      this.#files += 1
    } catch (error) {
      this.#skipped.push({
        path: entry.path,
        reason: `the link could not be made (${codeOf(error) ?? 'unknown'})`,
      })
    }
  }
}
