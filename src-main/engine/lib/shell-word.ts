import { encodePath } from './path-bytes.ts'

/** Quotes any text as one word of bash, on one line and without a backtick, so that it cannot end a code block either. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  if (/^[\u0020-\u005f\u0061-\u007e\u00a0-\ud7ff\ue000-\uffff]+$/.test(text)) {
    return `'${text.replaceAll("'", String.raw`'\''`)}'`
  }
  let quoted = ''
  for (const byte of encodePath(text)) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c && byte !== 0x60
    quoted += isPlain
      ? String.fromCharCode(byte)
      : String.raw`\x${byte.toString(16).padStart(2, '0')}`
  }
  return `$'${quoted}'`
}

/** Text for a heading or a sentence of a Markdown page: nothing in it is markup or a new line. */
export function markdownText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}`]/gu, '?').replace(/[\\*_[\]<>#|~]/g, String.raw`\$&`)
}
