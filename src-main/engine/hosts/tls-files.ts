import { readFile } from 'node:fs/promises'
import path from 'node:path'

import type { TlsMaterial } from './docker/transport.ts'

/** ca.pem, cert.pem and key.pem of a folder; null when there is none of them. */
export async function readTlsFiles(
  folder: string,
  skipVerify: boolean,
): Promise<TlsMaterial | null> {
  const read = (name: string): Promise<Buffer | undefined> =>
    readFile(path.join(folder, name)).catch(() => undefined)
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')])
  if (ca === undefined && cert === undefined && key === undefined) return null
  return { ca, cert, key, skipVerify }
}
