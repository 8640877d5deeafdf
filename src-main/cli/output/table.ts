import { safeText } from './safe-text.ts'

/** A column: its title, and whether numbers stand right. */
export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** A cell: its text, and a mark that is put on after the width is known. */
export type Cell = string | { readonly text: string; readonly mark: (text: string) => string }

function textOf(cell: Cell): string {
  return safeText(typeof cell === 'string' ? cell : cell.text)
}

/** Terminal columns of a text: wide East Asian characters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(segment) ? 2 : 1
  }
  return width
}

/** Lines of a table with aligned columns; the last column is never padded. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  title: (text: string) => string,
): string {
  const widths = columns.map((column, index) =>
    Math.max(
      displayWidth(column.title),
      ...rows.map(row => displayWidth(textOf(row[index] ?? ''))),
    ),
  )
  function pad(text: string, index: number): string {
    const spaces = ' '.repeat(Math.max((widths[index] ?? 0) - displayWidth(text), 0))
    if (columns[index]?.align === 'right') return spaces + text
    return index === columns.length - 1 ? text : text + spaces
  }
  const head = columns.map((column, index) => title(pad(column.title, index))).join('  ')
  const body = rows.map(row =>
    columns
      .map((_column, index) => {
        const cell = row[index] ?? ''
        const padded = pad(textOf(cell), index)
        return typeof cell === 'string' ? padded : cell.mark(padded)
      })
      .join('  ')
      .trimEnd(),
  )
  return [head.trimEnd(), ...body].join('\n')
}
