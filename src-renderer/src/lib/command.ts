/** A command line as a person would type it into a POSIX shell. */
export function commandLine(words: readonly string[]): string {
  return ['lifeboat', ...words].map(word => quoted(word)).join(' ')
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** `--host` where it is not the default. */
export function hostOption(host: string): readonly string[] {
  return host === 'local' ? [] : ['--host', host]
}
