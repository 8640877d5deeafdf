import { createHash } from 'node:crypto'
import path from 'node:path'

import { AppError } from '../../contract/errors.ts'
import type { StackFile } from '../detect/inventory.ts'
import type { HelperTools } from '../hosts/helper.ts'
import type { CommandPlace } from '../lib/command.ts'
import { TarParser } from '../lib/tar/tar-parser.ts'
import { archiveFiles } from './volume-archive.ts'

/** A file of the stack's definition as it was on the host. */
export interface ConfigFile {
  readonly hostPath: string
  readonly kind: 'file' | 'symlink'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** ISO 8601 UTC, with all digits below the second. */
  readonly modified: string
  readonly linkTarget: string | null
  readonly content: Buffer
}

/** Host path that a link leads to; null for a file. */
export function leadsTo({ hostPath, linkTarget }: ConfigFile): string | null {
  return linkTarget === null ? null : path.posix.resolve(path.posix.dirname(hostPath), linkTarget)
}

/** Reads files of a host, by host path. What is not there is missing from the answer. */
export interface FileReader {
  read(hostPaths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ConfigFile>>
}

/** Definitions are small; what is larger than this together is none. */
const LIMIT = 256 * 1024 * 1024
/** As many links in a row as the kernel follows is a loop for certain. */
const LINKS = 16

/**
 * Reads the files of a stack's definition; where one is a symbolic link, what it leads to as well.
 * Returns what was read and the host paths that could not be.
 */
export async function readConfigFiles(
  files: readonly Pick<StackFile, 'path'>[],
  reader: FileReader,
  signal: AbortSignal,
): Promise<{ readonly files: readonly ConfigFile[]; readonly missing: readonly string[] }> {
  const found = new Map<string, ConfigFile>()
  const missing = new Set<string>()
  let wanted = [...new Set(files.map(each => each.path))]
  for (let round = 0; wanted.length > 0 && round < LINKS; round += 1) {
    const answer = await reader.read(wanted, signal)
    for (const hostPath of wanted) {
      const file = answer.get(hostPath)
      if (file === undefined) missing.add(hostPath)
      else found.set(hostPath, file)
    }
    wanted = [...answer.values()]
      .map(leadsTo)
      .filter(each => each !== null)
      .filter(each => !found.has(each) && !missing.has(each))
  }
  return { files: [...found.values()], missing: [...missing] }
}

/** Where a file of the definition is kept in a snapshot: as it lies in the stack's folder, or below `_host`. */
export function configPath(hostPath: string, workingDirectory: string | null): string {
  const inside = workingDirectory === null ? '..' : path.posix.relative(workingDirectory, hostPath)
  return inside.startsWith('..') || inside === ''
    ? `config/_host/${hostPath.replace(/^\/+/, '')}`
    : `config/${inside}`
}

/** Reads through the tar of a helper: mode, owner, time and content come in one stream, and proved. */
export function helperFileReader(
  place: CommandPlace,
  tools: HelperTools,
  pathInHelper: (hostPath: string) => string | null,
): FileReader {
  return {
    async read(hostPaths, signal) {
      const byHelperPath = new Map<string, string>()
      for (const hostPath of hostPaths) {
        const inside = pathInHelper(hostPath)
        if (inside !== null) byHelperPath.set(inside.replace(/^\/+/, ''), hostPath)
      }
      if (byHelperPath.size === 0) return new Map()
      const paths = [...byHelperPath.keys()].map(each => `/${each}`)
      const bytes = await readProved(place, tools, paths, signal)
      const files = new Map<string, ConfigFile>()
      for (const [inside, file] of bytes === null ? [] : unpack(bytes)) {
        const hostPath = byHelperPath.get(inside)
        if (hostPath !== undefined) files.set(hostPath, { ...file, hostPath })
      }
      return files
    },
  }
}

/** The whole archive, or null when none of the files is there. */
async function readProved(
  place: CommandPlace,
  tools: HelperTools,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Buffer | null> {
  const archive = await archiveFiles({ place, tools, paths, compression: null, signal })
  const chunks: Buffer[] = []
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of archive.stream as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > LIMIT) {
      await archive.abort()
      throw problem('The files of the stack’s definition are larger than 256 MiB together.')
    }
    hash.update(chunk)
    chunks.push(chunk)
  }
  const proof = await archive.proof
  if (proof.exitCode === 66) return null
  if (proof.exitCode !== 0 || proof.failure !== undefined) {
    throw problem(proof.failure ?? 'Reading the files did not end well.', proof.stderr)
  }
  const whole =
    (proof.streamBytes === undefined || proof.streamBytes === length) &&
    (proof.streamSha256 === undefined || proof.streamSha256 === hash.digest('hex'))
  if (!whole) throw problem('The files of the stack’s definition did not arrive whole.')
  return Buffer.concat(chunks)
}

function unpack(bytes: Buffer): ReadonlyMap<string, Omit<ConfigFile, 'hostPath'>> {
  const files = new Map<string, Omit<ConfigFile, 'hostPath'>>()
  let content: Buffer[] = []
  let current: (() => void) | null = null
  const parser = new TarParser({
    onMember({ entry, modifiedExactly }) {
      content = []
      current = () => {
        const target = entry.linkTarget?.replace(/^\/+/, '')
        const linked = entry.type === 'hardlink' ? files.get(target ?? '') : undefined
        files.set(entry.path.replace(/^\/+/, ''), {
          kind: entry.type === 'symlink' ? 'symlink' : 'file',
          mode: entry.mode,
          uid: entry.uid,
          gid: entry.gid,
          modified: modifiedExactly(),
          linkTarget: entry.type === 'symlink' ? entry.linkTarget : null,
          content: linked?.content ?? Buffer.concat(content),
        })
      }
      return true
    },
    onData: data => content.push(Buffer.from(data)),
    onMemberEnd: () => current?.(),
  })
  parser.write(bytes)
  const damage = parser.finish()
  if (damage !== null) throw problem(`The archive of the stack’s files is damaged: ${damage}.`)
  return files
}

function problem(message: string, details?: string): AppError {
  return new AppError('stream-truncated', {
    message,
    state: 'The files on the host are untouched; they are not in this snapshot.',
    hint: 'Run the backup again.',
    ...(details === undefined ? {} : { details }),
  })
}
