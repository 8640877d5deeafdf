import { Transform, type TransformCallback } from 'node:stream'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import type { FileEntry } from '../../../contract/model.ts'
import { TarParser } from '../../lib/tar/tar-parser.ts'
import { ZstdLookahead } from './zstd-lookahead.ts'

/** What an archive turned out to hold, once all of it has passed. */
export interface ArchiveFacts {
  /** Members, the folder's own among them. */
  readonly entries: number
  /** Different paths below the folder: what must lie there after unpacking. */
  readonly paths: number
  /** Bytes of all regular files, holes counted; links to the same file count once. */
  readonly fileBytes: number
  /** True when the folder's own owner, mode and times are in it. */
  readonly hasRoot: boolean
}

/** Says why a member must not be unpacked, or null. Keeps the links that it has met. */
export function entryJudge(): (entry: FileEntry) => string | null {
  const links = new Set<string>()

  function throughLink(path: string): boolean {
    if (links.size === 0) return false
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      if (links.has(path.slice(0, at))) return true
    }
    return false
  }

  function leadsOut(path: string): boolean {
    return path.startsWith('/') || path.includes('\0') || path.split('/').includes('..')
  }

  return entry => {
    const { path, type, linkTarget } = entry
    if (leadsOut(path)) return 'its path leads out of the folder'
    if (throughLink(path)) return 'its path goes through a symbolic link of the same archive'
    if (links.has(path)) return 'it would replace a symbolic link of the same archive'
    if (type === 'hardlink') {
      const target = linkTarget ?? ''
      if (target === '' || leadsOut(target))
        return 'it is a hard link to a file outside of the folder'
      if (throughLink(target))
        return 'it is a hard link through a symbolic link of the same archive'
    }
    if (type === 'symlink') links.add(path)
    return null
  }
}

/**
 * Lets an archive pass only as far as it has been looked into: each chunk goes on when all members that it
 * completes have been judged. An unsafe one ends the stream with `unsafe-archive` before any byte of its
 * header has passed, and so before anything can be written for it. The bytes are not changed.
 */
export class ArchiveGuard extends Transform {
  readonly #judge = entryJudge()
  readonly #decoder: ZstdLookahead | null
  readonly #parser: TarParser
  readonly #only: string | null
  readonly #take: (plain: Uint8Array) => void
  #unsafe: string | null = null
  #fileBytes = 0
  #paths = 0
  #hasRoot = false

  /**
   * `only`: the one member that the archive may hold (a single file), or null. `onPlain` hears of the
   * plain bytes as they pass.
   */
  constructor(
    codec: 'zstd' | 'none',
    only: string | null,
    onPlain: (bytes: number) => void = () => undefined,
  ) {
    super({ highWaterMark: 4 * 1024 * 1024 })
    this.#only = only
    this.#parser = new TarParser({
      onMember: member => {
        this.#meet(member.entry)
        return false
      },
    })
    this.#take = plain => {
      this.#parser.write(plain)
      onPlain(plain.length)
    }
    this.#decoder = codec === 'zstd' ? new ZstdLookahead(this.#take) : null
  }

  /** Valid once the stream has ended without an error. */
  get facts(): ArchiveFacts {
    return {
      entries: this.#parser.entries,
      paths: this.#paths,
      fileBytes: this.#fileBytes,
      hasRoot: this.#hasRoot,
    }
  }

  #meet(entry: FileEntry): void {
    if (this.#unsafe !== null) return
    const reason =
      this.#only !== null && entry.path !== this.#only
        ? 'only one file is expected'
        : this.#judge(entry)
    if (reason !== null) this.#unsafe = `${JSON.stringify(entry.path.slice(0, 200))}: ${reason}`
    this.#fileBytes += entry.sizeBytes
    if (entry.path === '.') this.#hasRoot = true
    else this.#paths += 1
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#look(chunk).then(
      problem => done(problem, problem === null ? chunk : undefined),
      (error: unknown) => done(damaged(error instanceof Error ? error.message : String(error))),
    )
  }

  async #look(chunk: Buffer): Promise<AppError | null> {
    if (this.#decoder === null) this.#take(chunk)
    else await this.#decoder.write(chunk)
    return this.#problem()
  }

  #problem(): AppError | null {
    if (this.#unsafe !== null) return unsafe(this.#unsafe)
    return this.#parser.problem === null ? null : damaged(this.#parser.problem)
  }

  override _flush(done: TransformCallback): void {
    const why = this.#decoder?.finish() ?? this.#parser.finish()
    done(this.#problem() ?? (why === null ? null : damaged(why)))
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#decoder?.destroy()
    done(error)
  }
}

function unsafe(details: string): AppError {
  return new AppError('unsafe-archive', {
    message: 'The archive holds an entry that must not be unpacked.',
    state: NOTHING_CHANGED,
    hint: 'Do not use this snapshot. Run "lifeboat check --read-data" and restore an older one.',
    details,
  })
}

function damaged(why: string): AppError {
  return new AppError('stream-corrupt', {
    message: `The archive in the snapshot is damaged: ${why}.`,
    state: NOTHING_CHANGED,
    hint: 'Run "lifeboat check --read-data" on the snapshot and restore another one.',
  })
}
