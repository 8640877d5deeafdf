/** An image reference in its parts; what is missing is ''. */
export interface ImageName {
  readonly registry: string
  /** Without the registry, `library/` taken off: `immich-app/postgres`. */
  readonly path: string
  /** Last part of the path: `postgres`. */
  readonly name: string
  readonly tag: string
}

/** Takes an image reference apart. A bare image id has an empty path. */
export function imageName(reference: string): ImageName {
  const [withoutDigest = ''] = reference.split('@', 1)
  if (/^(?:sha256:)?[0-9a-f]{12,64}$/.test(withoutDigest)) {
    return { registry: '', path: '', name: '', tag: '' }
  }
  const slash = withoutDigest.indexOf('/')
  const first = slash === -1 ? '' : withoutDigest.slice(0, slash)
  const hasRegistry = /[.:]/.test(first) || first === 'localhost'
  const rest = hasRegistry ? withoutDigest.slice(slash + 1) : withoutDigest
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1)
  const path = (colon === -1 ? rest : rest.slice(0, colon)).toLowerCase().replace(/^library\//, '')
  return {
    registry: hasRegistry ? first : '',
    path,
    name: path.slice(path.lastIndexOf('/') + 1),
    tag: colon === -1 ? '' : rest.slice(colon + 1),
  }
}

/** The first number of a tag with its parts: `v1.0.12-alpine` → [1, 0, 12]; null for `latest`. */
export function tagVersion(tag: string): readonly number[] | null {
  const match = /^(?:[a-z]+[-_]?)?(\d+(?:\.\d+)*)/i.exec(tag)
  return match?.[1] === undefined ? null : match[1].split('.').map(Number)
}
