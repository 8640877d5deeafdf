import type { InspectorFactory } from './content.ts'

const quote = 0x22
const backslash = 0x5c

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** One JSON object or array: whole when its first bracket is closed and nothing follows. */
export const inspectJson: InspectorFactory = () => {
  let open: number[] = []
  let inText = false
  let escaped = false
  let state: 'before' | 'inside' | 'after' = 'before'
  let problem: string | null = null

  function take(byte: number): void {
    if (inText) {
      if (escaped) escaped = false
      else if (byte === backslash) escaped = true
      else if (byte === quote) inText = false
      return
    }
    if (isSpace(byte)) return
    if (state === 'after') problem = 'data follows its end'
    else if (byte === 0x7b || byte === 0x5b) {
      state = 'inside'
      open.push(byte)
    } else if (state === 'before') problem = 'it does not begin with a bracket'
    else if (byte === quote) inText = true
    else if (byte === 0x7d || byte === 0x5d) {
      // A closing bracket is two above its opening one, in ASCII.
      if (open.pop() !== byte - 2) problem = 'its brackets do not match'
      if (open.length === 0) state = 'after'
    }
  }

  return {
    write: chunk => {
      for (let at = 0; at < chunk.length && problem === null; at += 1) take(chunk[at] ?? 0)
    },
    finish: () => {
      if (problem === null && state !== 'after') problem = 'it ends too early'
      open = []
      return { complete: problem === null, problem, entries: null }
    },
  }
}
