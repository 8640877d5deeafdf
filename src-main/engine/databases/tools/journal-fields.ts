/** Reads fields of a staged database's journal; the reader throws when one is not there. */
export function journalFields(journal: Readonly<Record<string, string>>): (key: string) => string {
  return key => {
    const value = journal[key]
    if (value === undefined) throw new Error(`the journal lacks ${key}`)
    return value
  }
}
