import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { FileEntry } from '../../contract/model.ts'
import { ZstdDecoder } from '../lib/zstd-decoder.ts'

const NEWLINE = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SLASH = 0x2f
/** Every line begins so: the keys' order is part of the format. */
const opening = Buffer.from('{"path":"')
const typeKey = ',"type":"'

const lower = new Uint8Array(256)
for (let byte = 0; byte < 256; byte += 1)
  lower[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte

/**
 * A file index in memory, as its text. Questions are answered on the bytes: only the lines that are
 * shown are parsed, so that a million entries take a blink.
 */
export class IndexText {
  readonly #text: Buffer
  /** Where each line begins, and one more for the end. */
  readonly #starts: Uint32Array

  constructor(text: Buffer) {
    this.#text = text
    this.#starts = startsOf(text)
  }

  get lines(): number {
    return this.#starts.length - 1
  }

  entry(line: number): FileEntry {
    const start = this.#starts[line] ?? 0
    return JSON.parse(
      this.#text.toString('utf8', start, (this.#starts[line + 1] ?? 0) - 1),
    ) as FileEntry
  }

  /** Lines of the direct children of a folder ('' for the top) in archive order, folders first; and names of folders that have no line of their own. */
  children(folder: string): { readonly lines: number[]; readonly implied: string[] } {
    const prefix = Buffer.from(folder === '' ? '' : `${JSON.stringify(folder).slice(1, -1)}/`)
    const folders: number[] = []
    const others: number[] = []
    const named = new Set<string>()
    const deeper = new Set<string>()
    let lastFrom = 0
    let lastTo = 0
    for (let line = 0; line < this.lines; line += 1) {
      const from = (this.#starts[line] ?? 0) + opening.length
      if (!this.#isAt(prefix, from)) continue
      const name = from + prefix.length
      const end = this.#pathEnd(name)
      const slash = this.#slashIn(name, end)
      if (slash < end) {
        // Neighbours mostly lie in the same folder: its name is made only once.
        if (!this.#isSame(lastFrom, lastTo, name, slash)) deeper.add(this.#string(name, slash))
        lastFrom = name
        lastTo = slash
      } else if (this.#isFolder(end)) {
        folders.push(line)
        named.add(this.#string(name, end))
      } else if (!this.#isRoot(name, end)) others.push(line)
    }
    const implied = [...deeper].filter(each => !named.has(each))
    return { lines: [...folders.filter(line => !this.#isRootLine(line)), ...others], implied }
  }

  /** Lines whose path holds the text, upper and lower case alike. */
  matches(search: string): number[] {
    const wanted = search.toLowerCase()
    const needle = Buffer.from(longestAscii(JSON.stringify(wanted).slice(1, -1)))
    const found: number[] = []
    for (let line = 0; line < this.lines; line += 1) {
      const from = (this.#starts[line] ?? 0) + opening.length
      const end = this.#pathEnd(from)
      if (!this.#holds(needle, from, end) || this.#isRoot(from, end)) continue
      if (this.#string(from, end).toLowerCase().includes(wanted)) found.push(line)
    }
    return found
  }

  /** Lines of a path itself and of everything below it; '' for all. */
  under(path: string): number[] {
    const escaped = Buffer.from(JSON.stringify(path).slice(1, -1))
    const found: number[] = []
    for (let line = 0; line < this.lines; line += 1) {
      const from = (this.#starts[line] ?? 0) + opening.length
      const after = from + escaped.length
      const next = this.#text[after]
      if (path === '') found.push(line)
      else if (this.#isAt(escaped, from) && (next === QUOTE || next === SLASH)) found.push(line)
    }
    return found
  }

  #string(from: number, end: number): string {
    const raw = this.#text.toString('utf8', from, end)
    return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
  }

  #isAt(bytes: Buffer, at: number): boolean {
    for (let index = 0; index < bytes.length; index += 1) {
      if (this.#text[at + index] !== bytes[index]) return false
    }
    return true
  }

  #isSame(aFrom: number, aTo: number, bFrom: number, bTo: number): boolean {
    if (aTo - aFrom !== bTo - bFrom) return false
    for (let index = 0; index < aTo - aFrom; index += 1) {
      if (this.#text[aFrom + index] !== this.#text[bFrom + index]) return false
    }
    return true
  }

  #pathEnd(from: number): number {
    for (let at = from; ; at += 1) {
      const byte = this.#text[at]
      if (byte === QUOTE || byte === undefined) return at
      if (byte === BACKSLASH) at += 1
    }
  }

  /** The first slash of a path, or its end. */
  #slashIn(from: number, end: number): number {
    let at = from
    while (at < end && this.#text[at] !== SLASH) at += 1
    return at
  }

  #isFolder(end: number): boolean {
    return this.#text[end + 1 + typeKey.length] === 0x64
  }

  #isRoot(from: number, end: number): boolean {
    return end - from === 1 && this.#text[from] === 0x2e
  }

  #isRootLine(line: number): boolean {
    const from = (this.#starts[line] ?? 0) + opening.length
    return this.#isRoot(from, from + 1) && this.#text[from + 1] === QUOTE
  }

  #holds(needle: Buffer, from: number, end: number): boolean {
    const first = needle[0]
    if (first === undefined) return true
    const last = end - needle.length
    for (let at = from; at <= last; at += 1) {
      if (lower[this.#text[at] ?? 0] !== first) continue
      let index = 1
      while (index < needle.length && lower[this.#text[at + index] ?? 0] === needle[index])
        index += 1
      if (index === needle.length) return true
    }
    return false
  }
}

function startsOf(text: Buffer): Uint32Array {
  let starts = new Uint32Array(1024)
  let count = 0
  for (let at = 0; at < text.length;) {
    if (count + 2 > starts.length) {
      const larger = new Uint32Array(starts.length * 2)
      larger.set(starts)
      starts = larger
    }
    starts[count] = at
    count += 1
    const end = text.indexOf(NEWLINE, at)
    at = end === -1 ? text.length : end + 1
  }
  starts[count] = text.length
  return starts.subarray(0, count + 1)
}

/** The part of a search that upper and lower case bytes can be compared in. */
function longestAscii(text: string): string {
  return text
    .split(/[^\u0020-\u007e]+/)
    .reduce((longest, each) => (each.length > longest.length ? each : longest), '')
}

interface Kept {
  readonly identity: string
  readonly index: IndexText
}

/** The indexes that were asked for last, so that paging and searching do not read again. */
const kept = new Map<string, Kept>()
const keptLimit = 2
const keptMs = 5 * 60 * 1000
let forget: NodeJS.Timeout | null = null

function keep(file: string, entry: Kept): void {
  kept.delete(file)
  kept.set(file, entry)
  for (const oldest of [...kept.keys()].slice(0, -keptLimit)) kept.delete(oldest)
  if (forget !== null) clearTimeout(forget)
  forget = setTimeout(() => kept.clear(), keptMs)
  forget.unref()
}

async function readText(file: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    const decoder = createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(new ZstdDecoder())
    for await (const chunk of decoder) chunks.push(chunk as Buffer)
  } catch (error) {
    throw new AppError(
      'stream-corrupt',
      {
        message: `The file index ${file} is damaged.`,
        state: NOTHING_CHANGED,
        hint: "Run 'lifeboat check --read-data' on the snapshot; its archive can still be read with zstd and tar.",
        details: error instanceof Error ? error.message : String(error),
      },
      error,
    )
  }
  return Buffer.concat(chunks)
}

/** Opens a stored file index; the last two are kept in memory for a while. Rejects with `stream-corrupt`. */
export async function openIndex(file: string): Promise<IndexText> {
  const stats = await stat(file).catch(() => null)
  const identity = stats === null ? '' : `${stats.mtimeMs}/${stats.size}/${stats.ino}`
  const known = kept.get(file)
  const index = known?.identity === identity ? known.index : new IndexText(await readText(file))
  keep(file, { identity, index })
  return index
}
