/** Names of what lies in a repository (docs/repository-format.md). */
export const REPOSITORY_FILE = 'lifeboat-repository.json'
export const SERVICE_FOLDER = '.lifeboat'
export const LOCKS_FOLDER = 'locks'
export const LIST_CACHE = 'list-cache.json'

export const MANIFEST = 'manifest.json'
export const SUMS = 'SHA256SUMS'
export const GUIDE = 'RESTORE.md'

export const PARTIAL = '.partial'
export const PIN = '.pin.json'
export const REPORTS = '.reports'

/** Suffix of stored plain bytes by codec. */
export const codecSuffix = { none: '', zstd: '.zst' } as const

/** Where the list of an archive's members lies, from the artifact's path without codec suffix. */
export function indexPath(plainPath: string): string {
  return `${plainPath}.index.jsonl.zst`
}

/** An artifact's path without the suffixes of codec and encryption. */
export function plainPath(path: string): string {
  return path.replace(/\.age$/, '').replace(/\.zst$/, '')
}
