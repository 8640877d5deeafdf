import type { Coverage, Finding, Item } from '../../contract/model.ts'

/**
 * Sums a ledger up. `covered`: every item is taken or left out by a rule or by the user, and no finding
 * says that data is missed. `uncovered`: there is data, and none of it is taken.
 */
export function coverageOf(items: readonly Item[], findings: readonly Finding[]): Coverage {
  const data = items.filter(each => each.kind !== 'config')
  const taken = data.filter(each => each.decision === 'include')
  const byUser = data.filter(
    each => each.decision === 'exclude' && each.reason.startsWith('Left out by you'),
  )
  const missed = data.filter(each => each.decision === 'cannot')
  if (taken.length === 0 && missed.length + byUser.length > 0) return 'uncovered'
  const flawed =
    items.some(each => each.decision === 'cannot') ||
    findings.some(each => each.severity === 'critical')
  return flawed ? 'partly' : 'covered'
}
