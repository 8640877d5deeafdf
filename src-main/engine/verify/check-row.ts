import type { CheckRow } from '../../contract/model.ts'

/** A line of a report: good when what was found is what was expected. */
export function row(name: string, expected: string | number, actual: string | number): CheckRow {
  return { name, expected: String(expected), actual: String(actual), ok: expected === actual }
}
