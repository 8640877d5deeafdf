const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u

/** Only combining marks, joiners and variation selectors: nothing that takes a column of its own. */
const empty = /^(?:\p{Mn}|\p{Me}|\p{Cf}|\p{Variation_Selector})+$/u

// eslint-disable-next-line no-control-regex -- the escape character is exactly what is looked for
const marks = /\u001b\[[0-9;]*m/g

/**
 * Terminal columns of a text: wide East Asian characters and emoji take two, combining marks none, and
 * neither do our own colours.
 */
export function displayWidth(text: string): number {
  let width = 0
  for (const { segment } of new Intl.Segmenter().segment(text.replaceAll(marks, ''))) {
    width += empty.test(segment) ? 0 : wide.test(segment) ? 2 : 1
  }
  return width
}

/** The text cut to so many columns, its end shown as `…` when something is missing. */
export function clip(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const columns = displayWidth(segment)
    if (used + columns > width - 1) break
    kept += segment
    used += columns
  }
  return `${kept}…`
}
