/**
 * What a terminal would obey instead of showing: control characters, the marks and overrides of writing
 * direction, line and paragraph separators, invisible characters that hide in names, and lone surrogates.
 */
const unsafe =
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]|\p{Surrogate}/gu

const names: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' }

/**
 * Makes foreign text (names, labels, log lines) harmless on a terminal: control characters, escape
 * sequences and direction overrides are shown, not obeyed.
 */
export function safeText(text: string): string {
  return text.replaceAll(unsafe, shown)
}

function shown(character: string): string {
  const name = names[character]
  if (name !== undefined) return name
  const code = character.codePointAt(0) ?? 0
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}
