/** A service and what it depends on. */
export interface Dependent {
  readonly name: string
  readonly dependsOn: readonly string[]
}

/**
 * Services in waves, dependencies first: the members of a wave do not depend on each other. A circle is
 * cut where it is met first. Pure.
 */
export function startWaves(services: readonly Dependent[]): readonly (readonly string[])[] {
  const byName = new Map(services.map(each => [each.name, each]))
  const depth = new Map<string, number>()
  function depthOf(name: string, path: ReadonlySet<string>): number {
    const known = depth.get(name)
    if (known !== undefined) return known
    const below = (byName.get(name)?.dependsOn ?? []).filter(
      each => byName.has(each) && !path.has(each) && each !== name,
    )
    const further = new Set([...path, name])
    const found = below.reduce((most, each) => Math.max(most, depthOf(each, further) + 1), 0)
    depth.set(name, found)
    return found
  }
  const waves: string[][] = []
  for (const { name } of services) (waves[depthOf(name, new Set())] ??= []).push(name)
  return waves.filter(each => each.length > 0)
}

/** The given services and all that depend on one of them, directly or not. */
export function withDependents(
  names: readonly string[],
  services: readonly Dependent[],
): ReadonlySet<string> {
  const found = new Set(names)
  for (let size = -1; size !== found.size;) {
    size = found.size
    for (const { name, dependsOn } of services) {
      if (dependsOn.some(each => found.has(each))) found.add(name)
    }
  }
  return found
}
