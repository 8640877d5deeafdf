import { describe, expect, it } from 'vitest'

import type { Item } from '../../../src-main/contract/model.ts'
import { databases } from '../../../src-main/engine/databases/index.ts'
import type { StackFacts } from '../../../src-main/engine/detect/facts.ts'
import { buildLedger, type Ledger } from '../../../src-main/engine/detect/ledger.ts'
import { mountIdOf } from '../../../src-main/engine/detect/mounts.ts'
import { engineLists, type ProjectFixture } from '../../fixtures/projects/define.ts'
import { factsOf } from '../../fixtures/projects/facts.ts'
import { projects } from '../../fixtures/projects/index.ts'

const lists = engineLists(projects)
const driven = new Set(databases.map(each => each.id))

interface Check {
  readonly what: string
  readonly expected: unknown
  readonly actual: unknown
}

/** Everything that a fixture says, beside what detection says. */
function checksOf(project: ProjectFixture): readonly Check[] {
  const facts = factsOf(lists, project.name)
  const ledger = buildLedger(facts)
  return Object.entries(project.services).flatMap(([service, fixture]) => [
    ...engineChecks(facts, ledger, service, fixture),
    ...mountChecks(facts, ledger, project, service),
  ])
}

function engineChecks(
  facts: StackFacts,
  ledger: Ledger,
  service: string,
  fixture: ProjectFixture['services'][string],
): readonly Check[] {
  const found = ledger.services.find(each => each.name === service)
  const container = facts.group.containers.find(each => each.service === service)
  const detected = container === undefined ? null : facts.roles.get(container.id)?.database
  const checks: Check[] = [
    { what: `${service}: engine`, expected: fixture.engine ?? null, actual: found?.engine },
  ]
  if (fixture.engine === undefined || !driven.has(fixture.engine)) return checks
  if (fixture.user !== undefined) {
    checks.push({ what: `${service}: user`, expected: fixture.user, actual: detected?.user })
  }
  if (fixture.databases !== undefined) {
    const actual = detected?.databases
    checks.push({ what: `${service}: databases`, expected: fixture.databases, actual })
  }
  return checks
}

function mountChecks(
  facts: StackFacts,
  ledger: Ledger,
  project: ProjectFixture,
  service: string,
): readonly Check[] {
  const container = facts.group.containers.find(each => each.service === service)
  const fixture = project.services[service]
  return (container?.mounts ?? []).map(mount => {
    const row = ledger.items.find(each => each.id === mountIdOf(mount, service))
    const where = `${service}:${mount.target}`
    const others = container?.mounts ?? []
    const isData = (fixture?.data ?? []).includes(mount.target)
    const expected = project.out?.includes(where)
      ? 'left out'
      : project.config?.includes(where)
        ? 'with the configuration'
        : isData
          ? driven.has(fixture?.engine ?? '')
            ? 'covered by the dump'
            : 'copied while stopped'
          : 'copied'
    const actual = row === undefined ? 'not in the ledger' : fateOf(row, expected)
    return { what: `${where} of ${others.length} mounts`, expected, actual }
  })
}

/** What happens to a mount, in the fixtures' words. How a plain copy is kept quiet is not their business. */
function fateOf(row: Item, expected: string): string {
  if (row.reason.trim() === '') return 'without a reason'
  if (row.decision === 'exclude') return 'left out'
  if (row.decision === 'cannot') return 'cannot be taken'
  if (row.takenWith?.startsWith('config:') === true) return 'with the configuration'
  if (row.method === 'covered-by-dump') return 'covered by the dump'
  if (row.method === 'stopped-copy' && expected !== 'copied') return 'copied while stopped'
  return 'copied'
}

describe('detect/projects', () => {
  it('has at least 40 projects', () => {
    expect(projects.length).toBeGreaterThanOrEqual(40)
    expect(new Set(projects.map(each => each.name)).size).toBe(projects.length)
  })

  it.each(projects.map(each => [each.name, each] as const))('%s', (_name, project) => {
    const wrong = checksOf(project).filter(
      each => JSON.stringify(each.expected) !== JSON.stringify(each.actual),
    )
    expect(wrong).toEqual([])
  })

  it('says no false engine', () => {
    const named = projects.flatMap(project => {
      const { services } = buildLedger(factsOf(lists, project.name))
      return services.filter(
        each => each.engine !== null && project.services[each.name]?.engine !== each.engine,
      )
    })
    expect(named).toEqual([])
  })

  it('counts each stack as covered, or says why not', () => {
    const flawed = projects.flatMap(project =>
      buildLedger(factsOf(lists, project.name)).items.filter(each => each.decision === 'cannot'),
    )
    expect(flawed).toEqual([])
  })
})
