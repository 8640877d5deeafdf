/** A word as a person can paste it into a POSIX shell: quoted where the shell would read it otherwise. */
export function shellWord(word: string): string {
  return /^[\p{L}\p{N}_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
