import { lstat } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { tableRows } from '../../lab/fixtures/describe.ts'
import { createStack, type LabStack } from '../../lab/fixtures/stack.ts'
import { differences, onlyFacts, type StackState } from '../../lab/fixtures/state.ts'
import { type CommandLine, commandLine, engineId } from './acceptance-support.ts'

/** The main job at the size that people have: the real command line from the first look to the last comparison. */
export function describeFullSize(): void {
  describe('the main job on chatalot at full size', () => {
    let line: CommandLine
    let stack: LabStack
    let before: StackState

    beforeAll(async () => {
      line = await commandLine()
      stack = await createStack('chatalot', { engine: engineId, size: 'full' })
      before = await stack.describe()
    })
    afterAll(async () => {
      await stack.remove()
      await line[Symbol.asyncDispose]()
    })

    it('has everything in it that a restore may lose', async () => {
      const rows = tableRows(before)
      expect(Object.values(rows).reduce((sum, each) => sum + each, 0)).toBeGreaterThan(200_000)
      const names = Object.keys(before)
      const some = (pattern: RegExp): number => names.filter(name => pattern.test(name)).length
      const filled = Object.keys(rows).filter(name => (rows[name] ?? 0) > 0)
      expect(filled.some(name => name.startsWith('postgres chatalot rows public.'))).toBe(true)
      expect(filled.some(name => name.includes('"Übersicht"."Größe, in ""Metern"""'))).toBe(true)
      expect(some(/^postgres chatalot large object /)).toBeGreaterThan(50)
      expect(before['postgres server role chatalot_reader']).toBeDefined()
      expect(before['postgres chatalot relation public.messages']).toMatch(/chatalot_reader=r\//)
      expect(before['postgres server databases']).toContain('"empty-db"')
      expect(some(/^postgres empty-db (relation|rows) /)).toBe(0)
      expect(before['postgres chatalot sequence public.ticket']).toContain('last=4242')
      expect(before['postgres chatalot relation public.busiest']).toContain('kind=m')
      expect(rows['postgres chatalot rows public.busiest']).toBeGreaterThan(100)

      const files = Object.entries(onlyFacts(before, 'file_storage '))
      const like = (pattern: RegExp): number =>
        files.filter(([, text]) => pattern.test(text)).length
      expect(like(/^file /)).toBeGreaterThanOrEqual(20_000)
      expect(like(/ same-as=/)).toBeGreaterThanOrEqual(3)
      expect(like(/ sparse/)).toBeGreaterThanOrEqual(1)
      expect(like(/ xattrs=.*user\.lifeboat=/)).toBeGreaterThanOrEqual(1)
      expect(like(/ xattrs=.*posix_acl_access=/)).toBeGreaterThanOrEqual(1)
      expect(like(/^symlink /)).toBeGreaterThanOrEqual(5)
      expect(like(/ owner=70000:70000 /)).toBe(1)
      for (const odd of [
        'new\\nline',
        '$(touch lifeboat-canary-1)',
        '\\xff\\xfe not utf-8 \\x80',
      ]) {
        expect(before[`file_storage odd/names/${odd}`]).toBeDefined()
      }
      const key = await lstat(path.join(stack.folder, 'secrets', 'private.pem'))
      expect(key.mode & 0o7777).toBe(0o600)
    })

    it('backs it up, and every byte that was stored checks', async () => {
      const { stacks } = await line.good('stacks', stack.name)
      expect(stacks).toMatchObject([{ name: stack.name, coverage: 'covered' }])
      await line.good('plan', stack.name)
      const report = await line.good('backup', stack.name)
      expect(report).toMatchObject({ outcome: 'complete', stack: stack.name })
      const check = await line.good('check', stack.name, '--read-data')
      expect(check).toMatchObject({ outcome: 'ok' })
      await stack.waitHealthy(stack.services)
      expect(differences(before, await stack.describe())).toEqual([])
    })

    it('brings back what was lost, to the last fact', async () => {
      await stack.lose()
      expect(differences(before, await stack.describe()).length).toBeGreaterThan(20_000)
      const report = await line.good('restore', stack.name, '--in-place', '--confirm', stack.name)
      expect(report).toMatchObject({ outcome: 'complete', rolledBack: false, health: { ok: true } })
      await stack.waitHealthy(stack.services)
      expect(differences(before, await stack.describe())).toEqual([])
    })
  })
}
