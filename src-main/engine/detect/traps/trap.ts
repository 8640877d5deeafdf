import type { Finding, Item } from '../../../contract/model.ts'
import type { StackView } from '../view.ts'

/** Looks for one kind of trap; pure. `rows` is the ledger as it stands. */
export type Trap = (view: StackView, rows: readonly Item[]) => readonly Finding[]

/** Makes a finding. */
export function finding(
  severity: Finding['severity'],
  code: string,
  item: string | null,
  message: string,
  hint: string,
): Finding {
  return { severity, code, item, message, hint }
}
