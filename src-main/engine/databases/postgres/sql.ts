/** Quotes a name as an SQL identifier, whatever it contains. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a text as an SQL literal; `standard_conforming_strings` must be on. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/**
 * A libpq connection string that names one database. Given as `--dbname`, a bare name with `=` in it or
 * one that begins with `postgres://` would be taken apart as a connection string itself.
 */
export function connectionString(database: string): string {
  if (/^[A-Za-z_][\w-]*$/.test(database)) return database
  return `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

const NAME_BYTES = 63

/**
 * A name beside a database's own: the beginning of its name and a suffix, within the 63 bytes that
 * Postgres gives a name (it would cut longer ones by itself, and two could become one).
 */
export function besideName(database: string, suffix: string): string {
  const characters = Array.from(database)
  while (Buffer.byteLength(characters.join('') + suffix) > NAME_BYTES) characters.pop()
  return characters.join('') + suffix
}
