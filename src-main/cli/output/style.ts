/** How words are marked on one stream; plain where colour is not wanted. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  warn(text: string): string
  bad(text: string): string
}

const plain: Style = {
  bold: text => text,
  dim: text => text,
  good: text => text,
  warn: text => text,
  bad: text => text,
}

function paint(open: number, close: number): (text: string) => string {
  return text => `\u001b[${String(open)}m${text}\u001b[${String(close)}m`
}

const coloured: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  good: paint(32, 39),
  warn: paint(33, 39),
  bad: paint(31, 39),
}

/** Colour only on a terminal, and not when `NO_COLOR`, `TERM=dumb` or `--no-color` say so (rule C3). */
export function wantsColour(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
  noColourFlag: boolean,
): boolean {
  const noColour = env['NO_COLOR']
  return (
    isTerminal &&
    !noColourFlag &&
    (noColour === undefined || noColour === '') &&
    env['TERM'] !== 'dumb'
  )
}

/** The style for a stream. */
export function styleFor(colour: boolean): Style {
  return colour ? coloured : plain
}
