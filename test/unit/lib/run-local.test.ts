import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { localEnvironment } from '../../../src-main/engine/lib/local-environment.ts'
import { runText } from '../../../src-main/engine/lib/run.ts'
import { thisComputer } from '../../../src-main/engine/lib/run-local.ts'

async function countProcesses(mark: string): Promise<number> {
  const { stdout } = await runText(thisComputer, ['ps', '-eo', 'stat,args'])
  return stdout.split('\n').filter(line => line.includes(mark) && !/^Z/.test(line)).length
}

describe('lib/run-local', () => {
  it('passes arguments as they are, never through a shell', async () => {
    const hostile = ['$(touch x)', '; exit 3', 'a b', "it's", '"', '\n', '-n', 'ä']
    const { stdout } = await runText(thisComputer, ['printf', '%s|', ...hostile])
    expect(stdout).toBe(`${hostile.join('|')}|`)
  })

  it('gives output, error output and exit code', async () => {
    const command = await thisComputer.start(['sh', '-c', 'echo out; echo err >&2; exit 7'])
    expect(Buffer.concat(await command.stdout.toArray()).toString()).toBe('out\n')
    expect(await command.result).toEqual({ exitCode: 7, stderr: 'err\n' })
  })

  it('keeps what a child left behind when nobody was reading yet', async () => {
    const command = await thisComputer.start(['head', '-c', '40000', '/dev/zero'])
    // Long enough for the child to be gone; the output must wait for its reader.
    await new Promise(resolve => setTimeout(resolve, 500))
    let bytes = 0
    for await (const chunk of command.stdout) bytes += (chunk as Buffer).length
    expect(bytes).toBe(40_000)
    expect((await command.result).exitCode).toBe(0)
  })

  it('passes input on and closes it', async () => {
    const { stdout } = await runText(thisComputer, ['wc', '-c'], { stdin: Buffer.alloc(300_000) })
    expect(stdout.trim()).toBe('300000')
  })

  it('survives a command that does not read its input', async () => {
    const { exitCode } = await runText(thisComputer, ['true'], { stdin: Buffer.alloc(3_000_000) })
    expect(exitCode).toBe(0)
  })

  it('rejects with tool-missing for a program that is not there', async () => {
    await expect(thisComputer.start(['no-such-program-here'])).rejects.toMatchObject({
      code: 'tool-missing',
    })
  })

  it('tells a missing folder from a missing program', async () => {
    await expect(
      thisComputer.start(['true'], { workingDirectory: '/no/such/folder' }),
    ).rejects.toMatchObject({ code: 'path-missing' })
  })

  it('ends a command with all its children', async () => {
    const mark = `86${process.pid}`
    const command = await thisComputer.start([
      'sh',
      '-c',
      `sleep ${mark} & sleep ${mark} | cat; wait`,
    ])
    await expect.poll(() => countProcesses(`sleep ${mark}`)).toBeGreaterThanOrEqual(2)
    await command.kill()
    expect(await countProcesses(`sleep ${mark}`)).toBe(0)
    expect((await command.result).exitCode).not.toBe(0)
  })

  it('ends a command that ignores SIGTERM', async () => {
    const command = await thisComputer.start([
      'sh',
      '-c',
      'trap "" TERM; echo deaf; while :; do sleep 1; done',
    ])
    await once(command.stdout, 'data')
    await command.kill()
    expect((await command.result).exitCode).toBe(137)
  })

  it('ends the command when the signal is given', async () => {
    const stop = new AbortController()
    const running = runText(thisComputer, ['sleep', '1000'], { signal: stop.signal })
    setTimeout(() => stop.abort(), 100)
    await expect(running).rejects.toMatchObject({ code: 'interrupted' })
  })

  it('ends the command when its reader goes away', async () => {
    const command = await thisComputer.start(['yes'])
    command.stdout.destroy()
    expect((await command.result).exitCode).not.toBe(0)
  })

  it('hands on a short list of variables only', async () => {
    process.env['DOCKER_HOST'] = 'tcp://elsewhere'
    process.env['SOME_SECRET'] = 'canary'
    const { stdout } = await runText(thisComputer, ['env'], { env: { OWN: 'yes' } })
    delete process.env['DOCKER_HOST']
    delete process.env['SOME_SECRET']
    expect(stdout).toContain('OWN=yes')
    expect(stdout).toContain('PATH=')
    expect(stdout).not.toContain('elsewhere')
    expect(stdout).not.toContain('canary')
  })
})

describe('lib/local-environment', () => {
  it('knows Windows names in any case', () => {
    expect(
      localEnvironment({ Path: 'C:\\', SystemRoot: 'C:\\Windows', LC_ALL: 'C', X: '1' }),
    ).toEqual({
      Path: 'C:\\',
      SystemRoot: 'C:\\Windows',
      LC_ALL: 'C',
    })
  })
})

describe('lib/run', () => {
  it('accepts the exit codes that are named, and no others', async () => {
    const argv = ['sh', '-c', 'echo said; echo why >&2; exit 3']
    expect(await runText(thisComputer, argv, { acceptExitCodes: [0, 3] })).toMatchObject({
      stdout: 'said\n',
      exitCode: 3,
    })
    await expect(runText(thisComputer, argv)).rejects.toMatchObject({
      code: 'command-failed',
      details: 'why\n',
    })
  })

  it('takes 127 of a shell for a missing program', async () => {
    await expect(runText(thisComputer, ['sh', '-c', 'no-such-program-here'])).rejects.toMatchObject(
      {
        code: 'tool-missing',
      },
    )
  })

  it('ends a command that says too much', async () => {
    await expect(runText(thisComputer, ['yes'], { maxBytes: 100_000 })).rejects.toMatchObject({
      code: 'command-failed',
    })
  })

  it('runs in the named folder', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'lifeboat-test-'))
    const { stdout } = await runText(thisComputer, ['pwd', '-P'], { workingDirectory: folder })
    await rm(folder, { recursive: true })
    expect(path.basename(stdout.trim())).toBe(path.basename(folder))
  })
})
