import { describe, expect, it } from 'vitest'

import { runStep } from '../../../scripts/lib/run-step.ts'

const options = { limitMinutes: 5, env: process.env, cwd: process.cwd() }

describe('scripts/run-step', () => {
  it('tells exit code and output', async () => {
    const program = "console.log('out'); console.error('err'); process.exitCode = 3"
    const finished = await runStep([process.execPath, '-e', program], options)
    expect(finished).toMatchObject({ code: 3, timedOut: false })
    expect(finished.tail).toContain('out')
    expect(finished.tail).toContain('err')
  })

  it('tells a program that is not there', async () => {
    const finished = await runStep(['no-such-program-here'], options)
    expect(finished.code).toBe(127)
    expect(finished.tail).toContain('no-such-program-here')
  })

  it('ends a step that takes too long, with everything it has started', async () => {
    const program =
      "const c = require('child_process').spawn('sleep', ['600']); console.log('child', c.pid); setInterval(() => {}, 1000)"
    const finished = await runStep([process.execPath, '-e', program], {
      ...options,
      limitMinutes: 0.05,
    })
    expect(finished).toMatchObject({ code: null, timedOut: true })
    const child = Number(/child (\d+)/.exec(finished.tail)?.[1])
    expect(child).toBeGreaterThan(0)
    await expect.poll(() => isRunning(child), { timeout: 30_000 }).toBe(false)
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
