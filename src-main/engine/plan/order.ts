import type { ServiceSummary } from '../../contract/model.ts'

/**
 * Services in the order in which they can be started: each after what it depends on, by name where that
 * leaves a choice. A circle is cut at the name that comes first, so that every service is there once.
 */
export function startOrder(
  services: readonly Pick<ServiceSummary, 'name' | 'dependsOn'>[],
): readonly string[] {
  const needs = new Map<string, Set<string>>()
  for (const { name, dependsOn } of services) {
    const known = needs.get(name) ?? new Set<string>()
    for (const each of dependsOn) known.add(each)
    needs.set(name, known)
  }
  const ordered: string[] = []
  const visiting = new Set<string>()
  const visit = (name: string): void => {
    if (visiting.has(name)) return
    visiting.add(name)
    for (const each of [...(needs.get(name) ?? [])].toSorted()) if (needs.has(each)) visit(each)
    ordered.push(name)
  }
  for (const name of [...needs.keys()].toSorted()) visit(name)
  return ordered
}
