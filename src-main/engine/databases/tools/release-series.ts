/** The release series of a version: `6.0.5` → `[6, 0]`. */
export function seriesOf(version: string): readonly [number, number] {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return [major, minor]
}

/** True when `here` is an older release series than `there`. */
export function isOlder(here: string, there: string): boolean {
  const [a, b] = seriesOf(here)
  const [c, d] = seriesOf(there)
  return a < c || (a === c && b < d)
}
