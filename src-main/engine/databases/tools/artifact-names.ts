/** Names that a Windows file system keeps for itself, whatever follows the first dot. */
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)$/i

/**
 * File names for databases (rule F4: safe on every file system, different on one that ignores case).
 * Plain names stay as they are; a byte that is not safe becomes `%` and two hex digits.
 */
export function artifactNames(databases: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const taken = new Set(['globals', 'postgresql', 'pg_hba', 'pg_ident', 'users'])
  for (const database of databases) {
    const safe = [...Buffer.from(database, 'utf8')]
      .map(byte => {
        const character = String.fromCharCode(byte)
        return /[A-Za-z0-9_-]/.test(character)
          ? character
          : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
      })
      .join('')
      .slice(0, 150)
    let name = reserved.test(safe) ? `${safe}_` : safe
    for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = `${safe}~${count}`
    taken.add(name.toLowerCase())
    names.set(database, name)
  }
  return names
}
