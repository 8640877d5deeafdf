/** What lies in a staged folder, as `measure` of the tree script prints it. */
export interface Measured {
  /** Paths below the folder. */
  readonly paths: number
  /** Bytes of all regular files; a file with several names counts once. */
  readonly fileBytes: number
}

/** Reads `entries N`, then one line `links device:inode size` per regular file. Null when it is anything else. */
export function readMeasure(output: string): Measured | null {
  const end = output.indexOf('\n')
  const head = /^entries +(\d+)$/.exec(output.slice(0, end))
  if (head === null) return null
  const seen = new Set<string>()
  let fileBytes = 0
  for (let at = end + 1; at < output.length;) {
    const next = output.indexOf('\n', at)
    const line = output.slice(at, next === -1 ? undefined : next)
    at = next === -1 ? output.length : next + 1
    const [links, inode, size] = line.split(' ')
    if (links === undefined || inode === undefined || !/^\d+$/.test(size ?? '')) return null
    if (links !== '1') {
      if (seen.has(inode)) continue
      seen.add(inode)
    }
    fileBytes += Number(size)
  }
  return { paths: Number(head[1]), fileBytes }
}
