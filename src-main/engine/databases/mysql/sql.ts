/** Quotes a name as an SQL identifier, whatever it contains. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** A text as an SQL expression without any quote in it, whatever `sql_mode` says about backslashes. */
export function literal(text: string): string {
  return text === ''
    ? "''"
    : `convert(x'${Buffer.from(text, 'utf8').toString('hex')}' using utf8mb4)`
}

/** Bytes as an SQL literal. */
export function hex(text: string): string {
  return text === '' ? "''" : `x'${Buffer.from(text, 'utf8').toString('hex')}'`
}

const NAME_CHARACTERS = 64

/** A name beside a database's own, within the 64 characters that a name may have. */
export function besideName(database: string, suffix: string): string {
  return (
    Array.from(database)
      .slice(0, NAME_CHARACTERS - suffix.length)
      .join('') + suffix
  )
}

/** Takes apart what the client prints in batch mode: tabs between cells, backslash escapes inside. */
export function cells(line: string): readonly string[] {
  return line
    .split('\t')
    .map(cell =>
      cell.replaceAll(
        /\\(.)/g,
        (_, code: string) => ({ n: '\n', t: '\t', '0': '\0', '\\': '\\' })[code] ?? code,
      ),
    )
}
