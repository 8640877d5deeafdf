import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

import { AppError } from '../../contract/errors.ts'
import type { FileEntry } from '../../contract/model.ts'
import type { HelperTools } from '../hosts/helper.ts'
import type { CommandPlace } from '../lib/command.ts'
import { TarParser } from '../lib/tar/tar-parser.ts'
import { ZstdDecoder } from '../lib/zstd-decoder.ts'
import type { Compression } from './volume-archive.ts'
import { archiveFiles } from './volume-archive.ts'

/** Which files are to come, by absolute path in the place, and under which name each is kept here. */
export type FileNames = ReadonlyMap<string, string>

/**
 * Copies files of a helper into a folder of this computer, byte for byte, in one stream that is proved.
 * Returns what each was there; files that are not there are left out.
 */
export async function fetchFiles(input: {
  readonly place: CommandPlace
  readonly tools: HelperTools
  readonly files: FileNames
  readonly folder: string
  readonly compression: Compression
  readonly signal: AbortSignal
  onBytes(count: number): void
}): Promise<ReadonlyMap<string, FileEntry>> {
  const { place, tools, files, compression, signal, onBytes } = input
  await mkdir(input.folder, { recursive: true, mode: 0o700 })
  const paths = [...files.keys()]
  const archive = await archiveFiles({ place, tools, paths, compression, signal })
  const receiver = new Receiver(files, input.folder)
  const hash = createHash('sha256')
  let wire = 0
  let plain = 0
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of archive.stream as AsyncIterable<Buffer>) {
      wire += chunk.length
      hash.update(chunk)
      yield chunk
    }
  }
  const sink = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      plain += chunk.length
      onBytes(chunk.length)
      await receiver.write(chunk)
    }
  }
  try {
    if (archive.encoding === 'zstd') await pipeline(counted, new ZstdDecoder(), sink, { signal })
    else await pipeline(counted, sink, { signal })
    const proof = await archive.proof
    if (proof.exitCode === 66) return new Map()
    if (proof.exitCode !== 0 || proof.failure !== undefined) {
      throw broken(
        proof.failure ?? `The copy ended with exit code ${proof.exitCode}.`,
        proof.stderr,
      )
    }
    const figures: readonly (readonly [number | undefined, number])[] = [
      [proof.streamBytes, wire],
      [proof.plainBytes, plain],
    ]
    if (proof.streamSha256 !== undefined && proof.streamSha256 !== hash.digest('hex')) {
      throw broken('The SHA-256 differs between the host and this computer.')
    }
    const short = figures.find(([told, seen]) => told !== undefined && told !== seen)
    if (short !== undefined) throw broken(`${short[0]} bytes were sent, ${short[1]} arrived.`)
    return receiver.finish()
  } catch (error) {
    await archive.abort()
    const { exitCode } = await archive.proof
    // A stream that never began is no Zstandard frame; the exit code says why.
    if (exitCode === 66) return new Map()
    throw error
  } finally {
    await receiver.close()
  }
}

class Receiver {
  readonly #files: FileNames
  readonly #folder: string
  readonly #found = new Map<string, FileEntry>()
  readonly #parser: TarParser
  #work: (() => Promise<void>)[] = []
  #handle: FileHandle | null = null

  constructor(files: FileNames, folder: string) {
    this.#files = new Map([...files].map(([name, kept]) => [name.replace(/^\/+/, ''), kept]))
    this.#folder = folder
    this.#parser = new TarParser({
      onMember: ({ entry, modifiedExactly }) => {
        const name = entry.path.replace(/^\/+/, '')
        const kept = this.#files.get(name)
        if (kept === undefined || entry.type !== 'file') return false
        this.#found.set(`/${name}`, { ...entry, modified: modifiedExactly() })
        this.#work.push(async () => {
          this.#handle = await open(path.join(this.#folder, kept), 'w', 0o600)
        })
        return true
      },
      onData: data => {
        this.#work.push(async () => {
          await this.#handle?.writeFile(data)
        })
      },
      onMemberEnd: () => {
        this.#work.push(() => this.close())
      },
    })
  }

  /** The parser is done with the chunk, and the disk too, when this settles. */
  async write(chunk: Buffer): Promise<void> {
    this.#parser.write(chunk)
    const work = this.#work
    this.#work = []
    for (const each of work) await each()
  }

  finish(): ReadonlyMap<string, FileEntry> {
    const damage = this.#parser.finish()
    if (damage !== null) throw broken(`The stream is damaged: ${damage}.`)
    return this.#found
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = null
  }
}

function broken(message: string, details?: string): AppError {
  return new AppError('stream-truncated', {
    message: `The files could not be copied whole: ${message}`,
    state: 'The files on the host are untouched.',
    hint: 'Run the backup again.',
    ...(details === undefined ? {} : { details }),
  })
}
