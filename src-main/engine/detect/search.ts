import type { Helper } from '../hosts/helper.ts'
import type { CommandPlace } from '../lib/command.ts'
import { decodePath } from '../lib/path-bytes.ts'
import type { MountFacts } from './facts.ts'
import { fileScript, searchScript } from './search-script.ts'

/** A mount to look into. */
export interface MountSearch {
  /** Ledger id. */
  readonly mount: string
  readonly mode: 'look' | 'search'
  /** Folders inside it that are not searched: relative, no leading slash. */
  readonly leaveOut: readonly string[]
}

/** What is known of one file of the host. */
export interface FileFacts {
  readonly type: 'file' | 'directory' | 'other' | 'missing'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  /** Target of a symbolic link, or null. */
  readonly link: string | null
  /** Content as text, when it was asked for and is at most 1 MiB. */
  readonly text: string | null
}

/**
 * Runs a constant script and returns the fields of its output. A search that takes longer than
 * `limitMs` is ended; what it had found by then is returned.
 */
async function fieldsOf(
  place: CommandPlace,
  script: string,
  parameters: readonly string[],
  signal: AbortSignal,
  limitMs: number,
): Promise<readonly Buffer[]> {
  const command = await place.start(['sh', '-c', script, 'sh', ...parameters], { signal })
  const timer = setTimeout(() => void command.kill().catch(() => undefined), limitMs)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of command.stdout) chunks.push(chunk as Buffer)
    await command.result
  } catch (error) {
    // A script that was ended by the limit may end its stream with an error: what came counts.
    if (signal.aborted || chunks.length === 0) throw error
  } finally {
    clearTimeout(timer)
  }
  signal.throwIfAborted()
  return splitAtNul(Buffer.concat(chunks))
}

function splitAtNul(bytes: Buffer): readonly Buffer[] {
  const fields: Buffer[] = []
  let start = 0
  for (let at = bytes.indexOf(0); at !== -1; at = bytes.indexOf(0, start)) {
    fields.push(bytes.subarray(start, at))
    start = at + 1
  }
  return fields
}

/** A path as `find -path` pattern that stands for exactly this path. */
function findPattern(path: string): string {
  return `./${path.replace(/[\\*?[\]]/g, String.raw`\$&`)}`
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** Looks into mounts with one command in the helper. Mounts that it does not have are told as missing. */
export async function lookIntoMounts(
  helper: Helper,
  searches: readonly MountSearch[],
  signal: AbortSignal,
  limitMs: number,
): Promise<ReadonlyMap<string, MountFacts>> {
  const found = new Map<string, MountFacts>()
  const parameters: string[] = []
  for (const { mount, mode, leaveOut } of searches) {
    const path = helper.pathOf(mount)
    if (path === null) {
      const reason = helper.missing.find(each => each.mount === mount)?.reason
      found.set(mount, {
        ...unseen,
        type: 'missing',
        problem: reason?.replace(/[.\s]+$/, '') ?? null,
      })
      continue
    }
    parameters.push(mount, path, mode, String(leaveOut.length), ...leaveOut.map(findPattern))
  }
  if (parameters.length === 0) return found
  const fields = await fieldsOf(helper.place, searchScript, parameters, signal, limitMs)
  for (const [mount, facts] of parseSearch(fields)) found.set(mount, facts)
  for (const { mount, mode } of searches) {
    const facts = found.get(mount)
    if (facts === undefined) {
      found.set(mount, { ...unseen, problem: 'the search was cut short' })
    } else if (mode === 'look') {
      found.set(mount, { ...facts, searched: true })
    }
  }
  return found
}

const unseen: MountFacts = {
  type: 'directory',
  sizeBytes: null,
  empty: false,
  sqlite: [],
  signatures: [],
  others: [],
  searched: false,
  problem: null,
}

function relative(field: Buffer | undefined): string {
  return decodePath(field ?? Buffer.alloc(0)).replace(/^\.\//, '')
}

/** Reads what the search script printed, mount by mount. */
export function parseSearch(fields: readonly Buffer[]): ReadonlyMap<string, MountFacts> {
  const found = new Map<string, MountFacts>()
  let current: Mutable<MountFacts> = { ...unseen }
  const text = (index: number): string => fields[index]?.toString('utf8') ?? ''
  for (let at = 0; at < fields.length;) {
    switch (text(at)) {
      case 'mount':
        current = {
          ...unseen,
          type: text(at + 2) as MountFacts['type'],
          empty: text(at + 2) === 'directory',
          problem: 'the search was cut short',
        }
        found.set(text(at + 1), current)
        at += 3
        break
      case 'filled':
        current.empty = false
        at += 1
        break
      case 'size':
        current.sizeBytes = /^\d+$/.test(text(at + 1)) ? Number(text(at + 1)) * 1024 : null
        at += 2
        break
      case 'other':
        current.others = [...current.others, relative(fields[at + 1])]
        at += 2
        break
      case 'sqlite':
        current.sqlite = [
          ...current.sqlite,
          {
            // A bind of a single file is the file itself.
            path: current.type === 'file' ? '' : relative(fields[at + 1]),
            sizeBytes: Number(text(at + 2)) || 0,
            hasLog: text(at + 3) === '1',
          },
        ]
        at += 4
        break
      case 'store': {
        const path = relative(fields[at + 2]).replace(/\/global\/pg_control$/, '')
        current.signatures = [...current.signatures, { store: text(at + 1), path }]
        at += 3
        break
      }
      case 'end':
        current.searched = true
        current.problem = null
        if (current.empty) current.sizeBytes = 0
        at += 2
        break
      default:
        at += 1
    }
  }
  return found
}

/**
 * Asks about files by their path inside the helper; those in `read` with their content. A folder among
 * `paths` gives all files in it, 500 at most. Keys are paths inside the helper.
 */
export async function lookAtFiles(
  place: CommandPlace,
  paths: readonly string[],
  read: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FileFacts>> {
  const found = new Map<string, FileFacts>()
  if (paths.length + read.length === 0) return found
  const fields = await fieldsOf(place, fileScript, [...paths, '--', ...read], signal, 60_000)
  const text = (index: number): string => fields[index]?.toString('utf8') ?? ''
  for (let at = 0; at < fields.length;) {
    if (text(at) !== 'file') {
      at += 1
      continue
    }
    const hasText = text(at + 8) === 'text'
    found.set(decodePath(fields[at + 1] ?? Buffer.alloc(0)), {
      type: text(at + 2) as FileFacts['type'],
      mode: Number.parseInt(text(at + 3), 8) || 0,
      uid: Number(text(at + 4)) || 0,
      gid: Number(text(at + 5)) || 0,
      sizeBytes: Number(text(at + 6)) || 0,
      link: text(at + 7) === '' ? null : text(at + 7),
      text: hasText ? Buffer.from(text(at + 9), 'base64').toString('utf8') : null,
    })
    at += hasText ? 10 : 8
  }
  return found
}
