/** File names that a driver gives to what the whole server shares. */
const shared = ['globals', 'users']

/**
 * File names for databases, one component each, different also where case does not count. The store
 * makes them safe for every file system; here only what would end a component is escaped.
 */
export function artifactNames(databases: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const taken = new Set(shared)
  for (const database of databases) {
    const plain = database.replaceAll(/[%/\\\p{Cc}]/gu, encodeURIComponent)
    let name = plain
    for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = `${plain}~${count}`
    taken.add(name.toLowerCase())
    names.set(database, name)
  }
  return names
}
