/** How many names of one kind are kept for the warnings. */
const NAMES_KEPT = 50
/** How many are put into one sentence. */
const NAMES_SHOWN = 5
const TRAILER = 'lifeboat-trailer '

interface Seen {
  count: number
  readonly names: string[]
}

/** What tar and the archive script said on stderr. */
export interface TarMessages {
  /** Bytes that tar wrote, padding included: what a reader gets after decompression. Null when not told. */
  readonly totalBytes: number | null
  /** Exit codes by member of the pipeline, and digests; null when the trailer did not arrive. */
  readonly trailer: ReadonlyMap<string, string> | null
  /** Files that changed, shrank or vanished while they were read. */
  readonly unsteady: number
  readonly warnings: readonly string[]
  /** The first message that is no mere remark, for the sentence that tells of a failure. */
  readonly complaint: string | null
}

const kinds = [
  { key: 'changed', pattern: /^tar: (.*): file changed as we read it$/ },
  { key: 'removed', pattern: /^tar: (.*): File removed before we read it$/ },
  { key: 'shrunk', pattern: /^tar: (.*): File shrank by \d+ bytes?; padding with zeros$/ },
  { key: 'skipped', pattern: /^tar: (.*): (?:socket|door|unknown file type; file) ignored$/i },
] as const

type Kind = (typeof kinds)[number]['key']

const words: Record<Kind, (count: number) => string> = {
  changed: count => `${files(count)} changed while being read`,
  removed: count =>
    `${files(count)} vanished before being read and ${is(count)} not in the archive`,
  shrunk: count =>
    `${files(count)} became shorter while being read; the archive holds zeros in place of the end`,
  skipped: count =>
    `${count === 1 ? '1 socket' : `${count} sockets`} left out: sockets hold no data`,
}

function files(count: number): string {
  return count === 1 ? '1 file' : `${count} files`
}

function is(count: number): string {
  return count === 1 ? 'is' : 'are'
}

/**
 * Reads the stderr of the archive script as it comes; memory stays bounded however many warnings there
 * are. Names are in tar's `escape` quoting, so a name cannot pass for a message.
 */
export function tarMessages(): { write(chunk: Buffer): void; finish(): TarMessages } {
  const seen: Record<Kind, Seen> = {
    changed: { count: 0, names: [] },
    removed: { count: 0, names: [] },
    shrunk: { count: 0, names: [] },
    skipped: { count: 0, names: [] },
  }
  let rest = ''
  let totalBytes: number | null = null
  let trailer: ReadonlyMap<string, string> | null = null
  let complaint: string | null = null

  function line(text: string): void {
    const totals = /^Total bytes written: (\d+) /.exec(text)
    if (totals !== null) {
      totalBytes = Number(totals[1])
      return
    }
    if (text.startsWith(TRAILER)) {
      trailer = new Map(
        text
          .slice(TRAILER.length)
          .split(' ')
          .map(each => [each.split('=', 1)[0] ?? '', each.slice(each.indexOf('=') + 1)] as const),
      )
      return
    }
    for (const { key, pattern } of kinds) {
      const match = pattern.exec(text)
      if (match === null) continue
      seen[key].count += 1
      if (seen[key].names.length < NAMES_KEPT) seen[key].names.push(match[1] ?? '')
      return
    }
    if (text.trim() !== '' && !text.startsWith('tar: Exiting with failure')) complaint ??= text
  }

  return {
    write(chunk) {
      const lines = (rest + chunk.toString('utf8')).split('\n')
      // A line without an end must not grow for ever.
      rest = (lines.pop() ?? '').slice(0, 8192)
      for (const each of lines) line(each)
    },
    finish() {
      if (rest !== '') line(rest)
      rest = ''
      const warnings = kinds
        .filter(({ key }) => seen[key].count > 0)
        .map(({ key }) => `${words[key](seen[key].count)}: ${list(seen[key])}.`)
      const unsteady = seen.changed.count + seen.removed.count + seen.shrunk.count
      return { totalBytes, trailer, unsteady, warnings, complaint }
    },
  }
}

function list({ count, names }: Seen): string {
  const shown = names.slice(0, NAMES_SHOWN).map(name => name.replace(/^\.\//, ''))
  const more = count - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
