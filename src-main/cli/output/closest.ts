/** Changes of one letter (another, one more, one less, two swapped) that lead from one word to the other. */
function distance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= from.length; row += 1) {
    const line = [row]
    for (let column = 1; column <= to.length; column += 1) {
      const at = (up: number, left: number): number => rows[row - up]?.[column - left] ?? 0
      const same = from[row - 1] === to[column - 1]
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      line[column] = Math.min(
        at(1, 0) + 1,
        (line[column - 1] ?? 0) + 1,
        at(1, 1) + (same ? 0 : 1),
        row > 1 && column > 1 && swapped ? at(2, 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    rows.push(line)
  }
  return rows[from.length]?.[to.length] ?? 0
}

/** The candidate that was probably meant, or null when nothing is like it. */
export function closest(word: string, candidates: readonly string[]): string | null {
  const allowed = Math.max(1, Math.floor(word.length * 0.4))
  const near = candidates
    .map(candidate => ({ candidate, steps: distance(word.toLowerCase(), candidate) }))
    .filter(({ steps }) => steps <= allowed)
    .toSorted((a, b) => a.steps - b.steps)
  return near[0]?.candidate ?? null
}
