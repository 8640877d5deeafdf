import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../contract/errors.ts'

/** One file of the built pages. */
export interface Page {
  readonly type: string
  readonly bytes: Buffer
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/**
 * The built pages by their path below the server, all read at once: what is not in the list cannot be asked
 * for. Rejects with `not-supported` when nothing was built.
 */
export async function readPages(folder: string): Promise<ReadonlyMap<string, Page>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const pages = new Map<string, Page>()
  for (const entry of entries.filter(each => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name)
    const name = `/${path.relative(folder, file).split(path.sep).join('/')}`
    const type = types[path.extname(name)] ?? 'application/octet-stream'
    pages.set(name, { type, bytes: await readFile(file) })
  }
  const start = pages.get('/index.html')
  if (start === undefined) {
    throw new AppError('not-supported', {
      message: 'The pages of the app are not built.',
      state: NOTHING_CHANGED,
      hint: 'Run "npm run build" in the project once.',
    })
  }
  return pages.set('/', start)
}
