import { createHash } from 'node:crypto'

/** Device names of Windows: refused there with any extension. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)/i
const plainFolder = /^[a-z0-9][a-z0-9._-]{0,63}$/
const plainSegment = /^[A-Za-z0-9._][A-Za-z0-9._+-]{0,143}$/

function isReserved(name: string): boolean {
  return name.endsWith('.') || deviceName.test(name)
}

function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 10)
}

/** Accents off, everything that is not a plain character turned into one dash. */
function readable(name: string, length: number): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, length)
    .replace(/^[.-]+|[.-]+$/g, '')
}

/**
 * The folder name of a host or a stack: the name itself when it is safe on every file system, else a
 * readable form with a hash of the real name (docs/repository-format.md, "Names").
 */
export function folderName(name: string): string {
  if (plainFolder.test(name) && !isReserved(name)) return name
  const stem = readable(name, 40).toLowerCase()
  return `${stem === '' || isReserved(stem) ? 'name' : stem}~${hashOf(name)}`
}

/** The same for one segment of a path inside a snapshot; capital letters and the extension stay. */
function segmentName(name: string): string {
  if (plainSegment.test(name) && !isReserved(name)) return name
  const extension = /(?:\.[A-Za-z0-9]{1,12}){1,2}$/.exec(name.slice(1))?.[0] ?? ''
  const stem = readable(name.slice(0, name.length - extension.length), 60)
  return `${stem === '' || isReserved(stem) ? 'name' : stem}~${hashOf(name)}${extension}`
}

/**
 * A path inside a snapshot, safe on every file system and different from all of `taken`, also where
 * upper and lower case are one. `taken` holds lower-case paths and gets the new one.
 */
export function safePath(name: string, suffix: string, taken: Set<string>): string {
  const segments = name.split('/').map(segmentName)
  const last = segments.pop() ?? ''
  for (let attempt = 0; ; attempt += 1) {
    const salted = attempt === 0 ? last : `${readable(last, 60)}~${hashOf(`${attempt}/${name}`)}`
    const candidate = [...segments, salted].join('/') + suffix
    if (taken.has(candidate.toLowerCase())) continue
    taken.add(candidate.toLowerCase())
    return candidate
  }
}

/** True for a path that `safePath` could have made: what a reader may follow inside a snapshot. */
export function isSafePath(path: string): boolean {
  return path
    .split('/')
    .every(
      segment =>
        /^[A-Za-z0-9._][A-Za-z0-9._+~-]{0,159}$/.test(segment) &&
        !/^\.+$/.test(segment) &&
        !isReserved(segment),
    )
}

/** `20261121T030000Z` for a time; `copy` 2, 3 … for further ones of the same second. */
export function timeName(time: Date, copy: number): string {
  const name = time
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '')
  return copy < 2 ? name : `${name}-${copy}`
}

const timePattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:-(\d+))?$/

/** ISO 8601 time of a snapshot's folder name, or null when the name is not one. */
export function parseTimeName(name: string): string | null {
  const match = timePattern.exec(name)
  if (!match) return null
  const iso = `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}.000Z`
  return Number.isNaN(Date.parse(iso)) ? null : iso
}
