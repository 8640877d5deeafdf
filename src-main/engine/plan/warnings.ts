import type { Item, Stack, StackPolicy } from '../../contract/model.ts'
import type { Quieting } from '../detect/quiesce.ts'

/** What a person should know before the backup runs: one sentence each. */
export function planWarnings(
  taken: readonly Item[],
  items: readonly Item[],
  stack: Stack,
  quiet: readonly Quieting[],
  policy: Pick<StackPolicy, 'quiesce'>,
): readonly string[] {
  const paused = new Set(quiet.filter(each => each.how === 'pause').map(each => each.service))
  const hot = taken.filter(each => each.consistency === 'hot').map(hotWarning)
  const onlyPaused = taken
    .filter(each => each.engine !== null && each.method === 'paused-copy')
    .filter(each => each.kind !== 'sqlite' && each.writers.some(writer => paused.has(writer)))
    .map(
      each =>
        `${each.id} holds database files (${each.engine ?? ''}) and is copied while its server is only paused: what a power cut would have left.`,
    )
  const notStopped = quiet
    .filter(each => each.insteadOfStop !== null)
    .map(
      ({ service, insteadOfStop }) =>
        `${service} is paused, not stopped: ${insteadOfStop ?? ''}, so it would not come back.`,
    )
  const cannot = items
    .filter(each => each.decision === 'cannot')
    .map(each => `${each.id} is not in the backup. ${each.reason}`)
  const notDumped = taken
    .concat(items.filter(each => taken.some(holder => holder.id === each.takenWith)))
    .filter(each => each.kind === 'database' && each.method !== 'dump')
    .map(each => `${each.id}: ${each.reason}`)
  const untouched =
    policy.quiesce === 'none' && hot.length > 0
      ? ['No service is stopped or paused, as you chose.']
      : []
  const findings = stack.findings
    .filter(
      each =>
        each.severity !== 'info' &&
        !items.some(row => row.id === each.item && row.decision === 'cannot'),
    )
    .map(each => each.message)
  const labels = stack.findings
    .filter(each => each.code === 'backup-label')
    .map(each => each.message)
  return [
    ...new Set([
      ...untouched,
      ...hot,
      ...notStopped,
      ...onlyPaused,
      ...notDumped,
      ...cannot,
      ...findings,
      ...labels,
    ]),
  ]
}

/** What is said of an item that nothing keeps quiet while it is copied. */
export function hotWarning({ id, writers }: Pick<Item, 'id' | 'writers'>): string {
  const who = writers.length === 0 ? 'Programs' : writers.join(', ')
  return `${id} is copied hot: ${who} may write to it meanwhile, and the copy may not fit together.`
}
