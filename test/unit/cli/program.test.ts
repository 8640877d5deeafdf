import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { runProgram } from '../../../src-main/cli/program.ts'
import { documents } from '../../../src-main/cli/schemas/documents.ts'
import { type CliOptions, type CliResult, documentOf, lifeboat } from '../../helpers/cli.ts'

let home = ''
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lifeboat-cli-'))
})
afterAll(async () => {
  await rm(home, { recursive: true, force: true })
})

/** Runs the program in this process: for what ends before an engine is started. */
async function inProcess(argv: readonly string[]): Promise<CliResult> {
  const texts = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      texts[name] += String(text)
      return true
    }),
  )
  try {
    return { code: await runProgram(argv), ...texts }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

async function run(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const env = { LIFEBOAT_HOME: home, DOCKER_HOST: `unix://${home}/none.sock`, ...options.env }
  return lifeboat(argv, { ...options, env })
}

describe('cli/program', () => {
  it('leads the help with examples, lists every verb, and fits 80 columns', async () => {
    const { code, stdout, stderr } = await run([])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.startsWith('Examples:\n  lifeboat demo')).toBe(true)
    for (const verb of ['demo', 'stacks', 'plan', 'backup', 'status', 'snapshots', 'check']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, 'm'))
    }
    expect(stdout).not.toMatch(/^ {2}(schedule|targets|keys|drill)\b/m)
    expect(stdout.split('\n').filter(line => line.length > 80)).toEqual([])
    expect((await run(['--help'])).stdout).toBe(stdout)
  })

  it.each([
    ...['demo', 'stacks', 'plan', 'backup', 'status', 'check', 'restore', 'undo', 'audit', 'serve'],
    ...['doctor', 'paths', 'completion', 'snapshots', 'hosts'],
    ...['list', 'show', 'files', 'extract', 'pin', 'unpin'].map(verb => `snapshots ${verb}`),
    ...['list', 'test', 'add', 'trust', 'remove'].map(verb => `hosts ${verb}`),
  ])('leads the help of %s with examples of it', async command => {
    const { code, stdout } = await inProcess([...command.split(' '), '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^Examples?:\\n {2}lifeboat ${command}`))
    expect(stdout).toContain(`Usage: lifeboat ${command} [options]`)
  })

  it.each([
    [['stakcs'], 'Did you mean lifeboat stacks?'],
    [['frobnicate'], 'There is no command “frobnicate”.'],
    [['snapshots', 'lst'], 'Did you mean lifeboat snapshots list?'],
    [['hosts', 'everything'], 'There is no command “hosts everything”.'],
    [['hosts', '--josn'], 'Did you mean --json?'],
    [['backup'], 'lifeboat backup needs a stack.'],
    [['backup', 'a', 'b'], 'lifeboat backup was given too many arguments.'],
    [['backup', ''], '"" cannot be the value of stack.'],
    [['stacks', '--host'], '--host <host> needs a value.'],
    [['stacks', '--host', ''], '"" cannot be the value of --host <host>.'],
    [['audit', '--limit', '0'], 'It must be a whole number from 1 on.'],
    [['snapshots', 'extract', 'a', 'b'], 'needs --to <folder>.'],
    [['check'], 'either one snapshot or --all'],
    [['check', 'a', '--all'], 'either one snapshot or --all'],
    [['restore', 'a'], 'must be told where to restore to'],
    [['restore', 'a', '--as', 'b'], 'planned, but not part of this version yet'],
    [['schedule', 'list'], 'lifeboat schedule is planned, but not part of this version yet.'],
    [['snapshots', 'prune'], 'lifeboat snapshots prune is planned'],
    [['completion', 'tcsh'], 'Use one of: bash, zsh, fish, powershell.'],
    [['hosts', '--json', '--json-stream'], 'exclude each other'],
    [['a\u001b[2Jb'], String.raw`There is no command “a\x1b[2Jb”.`],
  ])('exits 2 and says what to do: %j', async (argv, text) => {
    const { code, stderr } = await inProcess(argv)
    expect(stderr).toContain(text)
    expect(stderr).toContain('Nothing was changed.')
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(code).toBe(2)
  })

  it('takes the global options before and behind the verb', async () => {
    const texts = await Promise.all(
      [
        ['--json', 'paths'],
        ['paths', '--json'],
        ['--repo', '/x', 'paths', '--json'],
      ].map(async argv => documentOf(await run(argv))),
    )
    expect(texts[0]).toEqual(texts[1])
    expect(texts[2]?.['repository']).toBe('/x')
  })

  it('lets --repo and LIFEBOAT_REPOSITORY win over the settings, without writing them there', async () => {
    const repositoryOf = async (argv: string[], env = {}): Promise<unknown> =>
      documentOf(await run(['paths', '--json', ...argv], { env }))['repository']
    const stored = { schemaVersion: 1, repository: '/stored', hosts: [], policies: {} }
    const own = join(home, 'own')
    const env = { LIFEBOAT_HOME: own }
    await run(['hosts', 'add', 'x', 'folder:/'], { env: { ...env, LIFEBOAT_REPOSITORY: '/named' } })
    expect(await repositoryOf([], env)).toBe(join(own, 'repository'))
    await writeFile(join(own, 'config', 'settings.json'), JSON.stringify(stored))
    expect(await repositoryOf([], env)).toBe('/stored')
    expect(await repositoryOf([], { ...env, LIFEBOAT_REPOSITORY: '/named' })).toBe('/named')
    expect(await repositoryOf(['--repo', '/flag'], { ...env, LIFEBOAT_REPOSITORY: '/named' })).toBe(
      '/flag',
    )
    expect(await repositoryOf([], env)).toBe('/stored')
  })

  it.each([
    [10, ['snapshots'], 'repository-missing'],
    [13, ['stacks'], 'docker-missing'],
    [13, ['stacks', '--host', 'folder:/not/there'], 'host-unreachable'],
    [2, ['stacks', '--host', 'nobody'], 'unknown-host'],
    [2, ['stacks', 'none', '--host', 'folder:/proc/self/fdinfo'], 'unknown-stack'],
    [2, ['nonsense'], 'usage'],
  ])('exits %i with one error document: %j', async (wanted, argv, code) => {
    const result = await run([...argv, '--json'])
    const document = documents.error.schema.parse(documentOf(result))
    expect([document.error.code, result.code]).toEqual([code, wanted])
    expect(result.stderr).toContain(document.error.message)
  })

  it('ends JSON lines with the error', async () => {
    const { code, stdout } = await run(['check', 'nobody', '--json-stream'])
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
    const { type, ...document } = last
    expect([code, type]).toEqual([10, 'result'])
    documents.error.schema.parse(document)
  })

  it('prints no colours and no animation to a pipe', async () => {
    const { stdout, stderr } = await run(['doctor'])
    expect(stdout + stderr).not.toContain('\u001b')
  })

  it('survives a reader that has seen enough', async () => {
    const { code, stderr } = await run(['--help'], {
      onOutput: (_text, child) => child.stdout?.destroy(),
    })
    expect([code, stderr]).toEqual([0, ''])
  })

  it('stops the demo on Ctrl-C and leaves nothing behind', async () => {
    const temporary = await mkdtemp(join(home, 'tmp-'))
    const { code, stderr } = await run(['demo', '--no-docker'], {
      env: { TMPDIR: temporary },
      onOutput: (text, child) => {
        if (text.includes('1 of 7') && !child.killed) child.kill('SIGINT')
      },
    })
    expect(stderr).toContain('Stopping the demo')
    expect(stderr).toContain('(interrupted)')
    expect(code).toBe(130)
    expect(await readdir(temporary)).toEqual([])
  })
})
