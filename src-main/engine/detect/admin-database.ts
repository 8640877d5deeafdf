/** The database that a gptchat chooses by its variables. */
export interface AdminDatabase {
  readonly type: 'sqlite' | 'postgres'
  /** Path as it is set, relative to the app's folder or absolute; null when not set. */
  readonly path: string | null
  /** Host name of the server; null when not told. */
  readonly host: string | null
  /** Database name; null when not told. */
  readonly name: string | null
  /** The variable that decided. */
  readonly variable: string
}

/**
 * Reads `ADMIN_DB_TYPE`, `ADMIN_DB_PATH` and `ADMIN_DATABASE_URL`; null when none of them is set. The
 * password in the URL is not returned.
 */
export function adminDatabase(
  env: Readonly<Record<string, string | undefined>>,
): AdminDatabase | null {
  const type = (env['ADMIN_DB_TYPE'] ?? '').trim().toLowerCase()
  const path = (env['ADMIN_DB_PATH'] ?? '').trim()
  const url = (env['ADMIN_DATABASE_URL'] ?? '').trim()
  if (type === '' && path === '' && url === '') return null
  const usesPostgres =
    type === '' ? /^postgres/i.test(url) && path === '' : /^(?:postgres|pg)/.test(type)
  const parts = /^[a-z0-9+]+:\/\/(?:[^@]*@)?([^:/?]+)?(?::\d+)?\/([^?]*)/i.exec(url)
  if (usesPostgres) {
    return {
      type: 'postgres',
      path: null,
      host: parts?.[1] ?? null,
      name: parts?.[2] === undefined || parts[2] === '' ? null : decode(parts[2]),
      variable: type === '' ? 'ADMIN_DATABASE_URL' : 'ADMIN_DB_TYPE',
    }
  }
  return {
    type: 'sqlite',
    path: path === '' ? null : path,
    host: null,
    name: null,
    variable: type === '' ? 'ADMIN_DB_PATH' : 'ADMIN_DB_TYPE',
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
