/** One line of the result. */
export interface Row {
  readonly what: string
  readonly result: string
  /** What must hold, and what is aimed at; null for a figure that only informs. */
  readonly bar: string | null
  readonly holds: boolean | null
}

/** The result as a Markdown table. */
export function markdown(rows: readonly Row[], caption: string): string {
  const lines = rows.map(({ what, result, bar, holds }) => {
    const verdict = holds === null ? '' : holds ? 'yes' : '**no**'
    return `| ${what} | ${result} | ${bar ?? ''} | ${verdict} |`
  })
  return [
    `Measured on ${caption}.`,
    '',
    '| What | Result | Bar (aim) | Holds |',
    '| --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
