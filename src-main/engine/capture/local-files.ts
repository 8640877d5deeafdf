import { lstat, readFile, readlink } from 'node:fs/promises'

import { isoFromNanoseconds } from '../lib/exact-time.ts'
import type { ConfigFile, FileReader } from './config-files.ts'

/** Reads files of this computer, for folder hosts. `without-content`: what they are, not what is in them. */
export function localFileReader(depth: 'whole' | 'without-content' = 'whole'): FileReader {
  return {
    async read(hostPaths, signal) {
      const files = new Map<string, ConfigFile>()
      for (const hostPath of hostPaths) {
        signal.throwIfAborted()
        const info = await lstat(hostPath, { bigint: true }).catch(() => null)
        if (info === null || !(info.isFile() || info.isSymbolicLink())) continue
        const linkTarget = info.isSymbolicLink() ? await readlink(hostPath) : null
        files.set(hostPath, {
          hostPath,
          kind: linkTarget === null ? 'file' : 'symlink',
          mode: Number(info.mode & 0o7777n),
          uid: Number(info.uid),
          gid: Number(info.gid),
          modified: isoFromNanoseconds(info.mtimeNs),
          linkTarget,
          content:
            linkTarget === null && depth === 'whole' ? await readFile(hostPath) : Buffer.alloc(0),
        })
      }
      return files
    },
  }
}
