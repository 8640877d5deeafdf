import { displayWidth } from './display-width.ts'
import { safeText } from './safe-text.ts'
import type { Style } from './style.ts'
import { wrap } from './wrap.ts'

/** A column: its title, and whether numbers stand right. */
export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** A cell: its text, and a mark that is put on after the width is known. */
export type Cell = string | { readonly text: string; readonly mark: (text: string) => string }

/** How wide a table may be, and how its titles look. */
export interface TableLook {
  /** Columns of the terminal; infinite for a file or a pipe, whose lines are never broken. */
  readonly width: number
  readonly style: Style
}

/** Fewer columns than this are not enough for a sentence. */
const NARROW = 24

/** Spaces before a sentence that stands on the line below its row. */
const BELOW = '    '

/**
 * Lines of a table with aligned columns. The last column is never padded; where it does not fit beside the
 * others it is broken at spaces, and where next to nothing is left for it, it stands below its row.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { width, style }: TableLook,
): string {
  const texts = rows.map(row => columns.map((_column, index) => textOf(row[index] ?? '')))
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...texts.map(row => displayWidth(row[index] ?? ''))),
  )
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0)
  const rest = width - before
  const last = columns.length - 1
  const below = (widths[last] ?? 0) > rest && rest < NARROW
  const beside = below ? columns.slice(0, -1) : columns

  const pad = (text: string, index: number): string => {
    const spaces = ' '.repeat(Math.max((widths[index] ?? 0) - displayWidth(text), 0))
    if (columns[index]?.align === 'right') return spaces + text
    return index === last ? text : text + spaces
  }
  const joined = (cells: readonly string[]): string => cells.join('  ').trimEnd()
  const body = rows.map((row, line) => {
    const markOf = (index: number): ((text: string) => string) => {
      const cell = row[index] ?? ''
      return typeof cell === 'string' ? text => text : cell.mark
    }
    const cells = beside.map((_column, index) =>
      markOf(index)(pad(texts[line]?.[index] ?? '', index)),
    )
    const sentence = texts[line]?.[last] ?? ''
    if (below) {
      const lines = sentence === '' ? [] : wrap(sentence, Math.max(width - BELOW.length, NARROW))
      return [joined(cells), ...lines.map(each => BELOW + style.dim(each))].join('\n')
    }
    const [first = '', ...more] = wrap(sentence, rest)
    const head = joined([...cells.slice(0, -1), markOf(last)(pad(first, last))])
    return [head, ...more.map(each => ' '.repeat(before) + markOf(last)(each))].join('\n')
  })
  const titles = beside.map((column, index) => style.bold(pad(column.title, index)))
  return [joined(titles), ...body].join('\n')
}

function textOf(cell: Cell): string {
  return safeText(typeof cell === 'string' ? cell : cell.text)
}
