const line = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*?)\s*$/

const singleQuoted = /^'([^']*)'/
const doubleQuoted = /^"((?:[^"\\]|\\.)*)"/

function valueOf(raw: string): string {
  const single = singleQuoted.exec(raw)?.[1]
  if (single !== undefined) return single
  const double = doubleQuoted.exec(raw)?.[1]
  if (double !== undefined) {
    return double.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
  }
  return raw.replace(/\s+#.*$/, '')
}

/** Reads an env file as Compose does for what detection needs: names, values, quotes, comments. */
export function parseEnvFile(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const each of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const match = line.exec(each)
    if (match?.[1] !== undefined && match[2] !== undefined) values[match[1]] = valueOf(match[2])
  }
  return values
}

const reference =
  /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))/g

/** Fills in `$NAME`, `${NAME}` and `${NAME:-default}` as Compose does; an unknown name gives ''. */
export function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(
    reference,
    (whole, braced?: string, operator?: string, other?: string, bare?: string) => {
      if (whole === '$$') return '$'
      const name = braced ?? bare ?? ''
      const value = Object.hasOwn(values, name) ? values[name] : undefined
      const isSet = operator?.startsWith(':') === true ? (value ?? '') !== '' : value !== undefined
      if (operator?.endsWith('-') === true) return isSet ? (value ?? '') : (other ?? '')
      if (operator?.endsWith('+') === true) return isSet ? (other ?? '') : ''
      return value ?? ''
    },
  )
}
