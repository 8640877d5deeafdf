/** The last part of an image's name: `registry:5000/a/b/postgres:17@sha256:…` → `postgres`. */
export function imageBaseName(image: string): string {
  const withoutDigest = image.split('@', 1)[0] ?? ''
  const last = withoutDigest.split('/').at(-1) ?? ''
  return (last.split(':', 1)[0] ?? '').toLowerCase()
}
