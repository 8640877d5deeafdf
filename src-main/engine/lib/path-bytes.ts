const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Length of the valid UTF-8 sequence at `at`, or 0. Surrogates, overlong forms and what lies past U+10FFFF are invalid. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0
  if (length === 0 || first > 0xf4 || at + length > bytes.length) return 0
  for (let index = 1; index < length; index += 1) {
    if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return 0
  }
  const second = bytes[at + 1] ?? 0
  if (first === 0xe0 && second < 0xa0) return 0
  if (first === 0xed && second > 0x9f) return 0
  if (first === 0xf0 && second < 0x90) return 0
  if (first === 0xf4 && second > 0x8f) return 0
  return length
}

/**
 * A file name as text. Bytes that are not UTF-8 become the lone surrogates U+DC80…U+DCFF (as Python's
 * `surrogateescape` does), so that `encodePath` gives the exact bytes back.
 */
export function decodePath(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    let text = ''
    for (let at = 0; at < bytes.length;) {
      const length = sequenceLength(bytes, at)
      text +=
        length === 0
          ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
          : decoder.decode(bytes.subarray(at, at + length))
      at += Math.max(1, length)
    }
    return text
  }
}

/** The bytes that `decodePath` was given. */
export function encodePath(text: string): Buffer {
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text, 'utf8')
  const parts: Buffer[] = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    parts.push(
      code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character),
    )
  }
  return Buffer.concat(parts)
}
