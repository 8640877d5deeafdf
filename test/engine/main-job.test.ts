import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type EngineId, labEngine } from '../../lab/docker.ts'
import type { LabStack } from '../../lab/fixtures/stack.ts'
import { createStack } from '../../lab/fixtures/stack.ts'
import { differences, type StackState } from '../../lab/fixtures/state.ts'
import { type CliResult, documentOf, lifeboat } from '../helpers/cli.ts'

const engine = (process.env['LIFEBOAT_TEST_ENGINE'] ?? '20') as EngineId

/** The main job as a user does it: the real command line against a real stack. */
describe('the main job on chatalot', () => {
  let home: string
  let stack: LabStack
  let before: StackState

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'lifeboat-main-job-'))
    stack = await createStack('chatalot', { engine, size: 'small' })
    before = await stack.describe()
  })
  afterAll(async () => {
    await stack.remove()
    await rm(home, { recursive: true, force: true })
  })

  function run(...argv: readonly string[]): Promise<CliResult> {
    return lifeboat([...argv, '--no-input'], {
      env: { LIFEBOAT_HOME: home, DOCKER_HOST: labEngine(engine).dockerHost },
    })
  }

  /** A health check that falls into a pause may say unhealthy for one round. */
  async function settledFacts(): Promise<Readonly<Record<string, string>>> {
    await stack.waitHealthy(stack.services)
    return stack.containerFacts()
  }

  async function good(...argv: readonly string[]): Promise<Record<string, unknown>> {
    const result = await run(...argv, '--json')
    expect(result.code, `${argv.join(' ')}\n${result.stdout}\n${result.stderr}`).toBe(0)
    return documentOf(result)
  }

  it('finds the stack with everything in its ledger', async () => {
    const { stacks } = await good('stacks', stack.name)
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
    const plan = await good('plan', stack.name)
    const dryRun = await good('backup', stack.name, '--dry-run')
    expect(dryRun['planId']).toBe(plan['planId'])
    expect(await settledFacts()).toEqual(containers)
  })

  it('backs it up, and every byte that was stored checks', async () => {
    const containers = await settledFacts()
    const report = await good('backup', stack.name)
    expect(report).toMatchObject({ outcome: 'complete', stack: stack.name })
    expect(await settledFacts()).toEqual(containers)
    const check = await good('check', stack.name, '--read-data')
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
    const result = await run(...argv.map(word => word.replace('STACK', stack.name)), '--json')
    expect(result.code, result.stderr).toBe(code)
    const document = documentOf(result)['error'] as Record<string, string>
    expect(document['code'], result.stderr).toBe(error)
    for (const part of ['message', 'state', 'hint']) expect(document[part]).not.toBe('')
    expect(await settledFacts()).toEqual(containers)
  })

  it('brings back what was lost, to the last fact', { timeout: 900_000 }, async () => {
    await stack.lose()
    expect(differences(before, await stack.describe()).length).toBeGreaterThan(50)
    const dryRun = await good('restore', stack.name, '--dry-run')
    expect(dryRun['blockers']).toEqual([])
    const report = await good('restore', stack.name, '--in-place', '--confirm', stack.name)
    expect(report).toMatchObject({ outcome: 'complete', rolledBack: false, health: { ok: true } })
    await stack.waitHealthy(stack.services)
    expect(differences(before, await stack.describe())).toEqual([])
  })

  it(
    'takes the restore back by undo, and the loss is there again',
    { timeout: 900_000 },
    async () => {
      const report = await good('undo', '--confirm', stack.name)
      expect(report).toMatchObject({ outcome: 'complete' })
      expect(differences(before, await stack.describe()).length).toBeGreaterThan(50)
    },
  )
})
