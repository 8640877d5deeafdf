import type { Helper } from '../hosts/helper.ts'

/**
 * Where a file of the host is inside a helper: in the mount of the file itself, or in that of the nearest
 * folder above it. Null when neither is mounted. Absolute paths with forward slashes.
 */
export function pathInHelper(helper: Pick<Helper, 'pathOf'>, hostPath: string): string | null {
  for (let folder = hostPath; ; folder = folder.slice(0, folder.lastIndexOf('/'))) {
    const inside = helper.pathOf(`bind:${folder === '' ? '/' : folder}`)
    if (inside !== null) {
      const rest = hostPath.slice(folder.length).replace(/^\/+/, '')
      return rest === '' ? inside : `${inside}/${rest}`
    }
    if (!folder.includes('/')) return null
  }
}
