import { lstat, readFile, readlink } from 'node:fs/promises'

import type { ConfigFile, FileReader } from './config-files.ts'

/** Reads files of this computer, for folder hosts. `without-content`: what they are, not what is in them. */
export function localFileReader(depth: 'whole' | 'without-content' = 'whole'): FileReader {
  return {
    async read(hostPaths, signal) {
      const files = new Map<string, ConfigFile>()
      for (const hostPath of hostPaths) {
        signal.throwIfAborted()
        const info = await lstat(hostPath).catch(() => null)
        if (info === null || !(info.isFile() || info.isSymbolicLink())) continue
        const linkTarget = info.isSymbolicLink() ? await readlink(hostPath) : null
        files.set(hostPath, {
          hostPath,
          kind: linkTarget === null ? 'file' : 'symlink',
          mode: info.mode & 0o7777,
          uid: info.uid,
          gid: info.gid,
          modified: info.mtime.toISOString(),
          linkTarget,
          content:
            linkTarget === null && depth === 'whole' ? await readFile(hostPath) : Buffer.alloc(0),
        })
      }
      return files
    },
  }
}
