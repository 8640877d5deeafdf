import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

import { GUIDE, MANIFEST } from './layout.ts'
import type { Manifest } from './manifest.ts'

/** SHA-256 of a file, hex. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash)
  return hash.digest('hex')
}

/** Files of a snapshot whose hash is not in the manifest: they are small, and hashed from the disk. */
export function unlistedFiles(manifest: Manifest): string[] {
  return [MANIFEST, GUIDE, ...manifest.artifacts.flatMap(({ index }) => index ?? [])]
}

/** `SHA256SUMS` for a finished folder, as `sha256sum -c` reads it. */
export async function sumsText(folder: string, manifest: Manifest): Promise<string> {
  const sums = manifest.artifacts.map(({ path: file, stored }) => [file, stored.sha256] as const)
  const others: (readonly [string, string])[] = []
  for (const file of unlistedFiles(manifest)) {
    others.push([file, await hashFile(path.join(folder, file))])
  }
  const lines = [...sums, ...others].map(([file, sum]) => `${sum}  ${file}\n`)
  return lines.toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('')
}

/** Reads `SHA256SUMS`: path → hash. A line that is not one is left out. */
export function parseSums(text: string): Map<string, string> {
  const sums = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line)
    if (match) sums.set(match[2] ?? '', match[1] ?? '')
  }
  return sums
}
