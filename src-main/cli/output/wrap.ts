import { displayWidth } from './display-width.ts'

/**
 * Breaks a text at spaces so that no line is wider than `width` columns; words that are wider stand alone
 * on a line and are never cut, so that paths and ids can be copied.
 */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, line]
}

/** The text with its later lines indented; `first` stands before the first one and gives the indent. */
export function hanging(first: string, text: string, width: number): string {
  const indent = displayWidth(first)
  const lines = wrap(text, Math.max(width - indent, 20))
  return lines.map((line, index) => (index === 0 ? first : ' '.repeat(indent)) + line).join('\n')
}
