import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ownerLabel, ownerValue } from '../../lab/docker.ts'
import { createStack, type LabStack } from '../../lab/fixtures/stack.ts'
import { differences, type StackState } from '../../lab/fixtures/state.ts'
import { documentOf } from '../helpers/cli.ts'
import { type CommandLine, commandLine, engineId } from './acceptance-support.ts'

/** The main job as a user does it: the real command line against a real stack. */
describe('the main job on chatalot', () => {
  let line: CommandLine
  let stack: LabStack
  let before: StackState

  beforeAll(async () => {
    line = await commandLine()
    stack = await createStack('chatalot', { engine: engineId, size: 'small' })
    before = await stack.describe()
  })
  afterAll(async () => {
    await stack.remove()
    await line[Symbol.asyncDispose]()
  })

  /** A health check that falls into a pause may say unhealthy for one round. */
  async function settledFacts(): Promise<Readonly<Record<string, string>>> {
    await stack.waitHealthy(stack.services)
    return stack.containerFacts()
  }

  it('finds the stack with everything in its ledger', async () => {
    const { stacks } = await line.good('stacks', stack.name)
    const [found] = stacks as { coverage: string; items: { id: string; decision: string }[] }[]
    expect(found?.coverage).toBe('covered')
    expect(found?.items.map(each => each.id)).toEqual(
      expect.arrayContaining([
        'config:compose',
        'config:env',
        'config:secrets',
        'database:postgres/chatalot',
        `volume:${stack.volume('file_storage')}`,
        `volume:${stack.volume('postgres_data')}`,
      ]),
    )
    expect(found?.items.filter(each => each.decision === 'cannot')).toEqual([])
  })

  it('shows one plan by both commands, and changes nothing by it', async () => {
    const containers = await settledFacts()
    const plan = await line.good('plan', stack.name)
    const dryRun = await line.good('backup', stack.name, '--dry-run')
    expect(dryRun['planId']).toBe(plan['planId'])
    expect(await settledFacts()).toEqual(containers)
  })

  it('backs it up, and every byte that was stored checks', async () => {
    const containers = await settledFacts()
    const report = await line.good('backup', stack.name)
    expect(report).toMatchObject({ outcome: 'complete', stack: stack.name })
    expect(await settledFacts()).toEqual(containers)
    const check = await line.good('check', stack.name, '--read-data')
    expect(check).toMatchObject({ outcome: 'ok' })
  })

  it.each([
    [['restore', 'STACK', '--in-place'], 14, 'confirmation-needed'],
    [['restore', 'STACK', '--in-place', '--yes'], 14, 'confirmation-needed'],
    [['restore', 'STACK', '--in-place', '--confirm', 'chatalot '], 14, 'confirmation-mismatch'],
    [['backup', '$(touch canary)'], 2, 'unknown-stack'],
    [['backup', 'a;b\nc'], 2, 'unknown-stack'],
    [['backup', 'STACK', '--only', 'volume:$(id)'], 2, 'unknown-item'],
    [['check', 'no-such-snapshot'], 2, 'unknown-snapshot'],
    [['stacks', '--host', 'unix:///nowhere/docker.sock'], 13, 'docker-missing'],
    [['snapshots', 'list', '--repo', '/proc/self'], 10, 'repository-missing'],
  ] as const)('refuses %j with exit code %i', async (argv, code, error) => {
    const containers = await settledFacts()
    const result = await line.run(...argv.map(word => word.replace('STACK', stack.name)), '--json')
    expect(result.code, result.stderr).toBe(code)
    const document = documentOf(result)['error'] as Record<string, string>
    expect(document['code'], result.stderr).toBe(error)
    for (const part of ['message', 'state', 'hint']) expect(document[part]).not.toBe('')
    expect(await settledFacts()).toEqual(containers)
  })

  it('shows what stands in the way of a restore, and fails by it as the restore does', async () => {
    const containers = await settledFacts()
    const outsider = await stack.docker.run([
      ...['run', '--detach', '--network=none', '--label', `${ownerLabel}=${ownerValue}`],
      ...['--volume', `${stack.volume('file_storage')}:/x:ro`, 'lab/base:1', 'sleep', '100000'],
    ])
    try {
      const dryRun = await line.run('restore', stack.name, '--dry-run', '--json')
      const { blockers } = documentOf(dryRun) as { blockers: { code: string; message: string }[] }
      expect(blockers).toMatchObject([{ code: 'busy-target' }])
      const argv = ['restore', stack.name, '--in-place', '--confirm', stack.name, '--json']
      const real = await line.run(...argv)
      expect(documentOf(real)['error']).toMatchObject(blockers[0] ?? {})
      expect([dryRun.code, real.code]).toEqual([1, 1])
    } finally {
      await stack.docker.run(['rm', '--force', outsider.trim()])
    }
    expect(await settledFacts()).toEqual(containers)
  })

  it('brings back what was lost, to the last fact', { timeout: 900_000 }, async () => {
    await stack.lose()
    expect(differences(before, await stack.describe()).length).toBeGreaterThan(50)
    const dryRun = await line.good('restore', stack.name, '--dry-run')
    expect(dryRun['blockers']).toEqual([])
    const report = await line.good('restore', stack.name, '--in-place', '--confirm', stack.name)
    expect(report).toMatchObject({ outcome: 'complete', rolledBack: false, health: { ok: true } })
    await stack.waitHealthy(stack.services)
    expect(differences(before, await stack.describe())).toEqual([])
  })

  it(
    'takes the restore back by undo, and the loss is there again',
    { timeout: 900_000 },
    async () => {
      const report = await line.good('undo', '--confirm', stack.name)
      expect(report).toMatchObject({ outcome: 'complete' })
      expect(differences(before, await stack.describe()).length).toBeGreaterThan(50)
    },
  )
})
