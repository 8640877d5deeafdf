import { posix } from 'node:path'

/** Quotes a word for a POSIX shell, only where it needs it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** The name of an artifact's file, of its path in the snapshot, without the endings of compression and encryption. */
export function plainFile(path: string): string {
  return posix.basename(path).replace(/(\.zst)?(\.age)?$/, '')
}

/** The beginning of a pipe that gives the plain bytes of a stored file with stock tools. */
export function reading(path: string): string {
  const file = quoted(path)
  const encrypted = path.endsWith('.age')
  const compressed = /\.zst(\.age)?$/.test(path)
  if (!encrypted) return compressed ? `zstd -dc ${file}` : `cat ${file}`
  const decrypt = `age -d -i KEY-FILE ${file}`
  return compressed ? `${decrypt} | zstd -dc` : decrypt
}
