/** Number of single-letter edits that turn one word into the other. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

/** The known name that was probably meant, or null when none is near. Upper and lower case count as equal. */
export function closestName(given: string, known: readonly string[]): string | null {
  const wanted = given.slice(0, 200).toLowerCase()
  const ranked = known
    .map(name => {
      const lower = name.slice(0, 200).toLowerCase()
      const part = wanted.length >= 3 && (lower.includes(wanted) || wanted.includes(lower))
      return { name, score: part ? 1 : distance(wanted, lower) }
    })
    .toSorted((a, b) => a.score - b.score || a.name.localeCompare(b.name))
  const best = ranked[0]
  return best !== undefined && best.score <= Math.max(2, Math.floor(wanted.length / 3))
    ? best.name
    : null
}
