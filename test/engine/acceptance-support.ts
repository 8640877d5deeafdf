import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { expect } from 'vitest'

import { type EngineId, labEngine } from '../../lab/docker.ts'
import { type CliResult, documentOf, lifeboat } from '../helpers/cli.ts'

/** The engine that this run of a suite is about. */
export const engineId = (process.env['LIFEBOAT_TEST_ENGINE'] ?? '20') as EngineId

/** The real command line with a home of its own, and everything that it has said so far. */
export interface CommandLine extends AsyncDisposable {
  /** Folder of settings, state and repository; goes away with the object. */
  readonly home: string
  /** Folder in which the commands run. */
  readonly cwd: string
  /** Both streams of every command so far. */
  readonly said: readonly string[]
  run(...argv: readonly string[]): Promise<CliResult>
  /** Runs a command that must succeed, and resolves to its one JSON document. */
  good(...argv: readonly string[]): Promise<Record<string, unknown>>
}

/** `lifeboat` as a user of the lab's engine types it. Options are put before every command. */
export async function commandLine(...options: readonly string[]): Promise<CommandLine> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lifeboat-acceptance-'))
  const home = path.join(folder, 'home')
  const said: string[] = []
  const run = async (...argv: readonly string[]): Promise<CliResult> => {
    const result = await lifeboat([...options, ...argv, '--no-input'], {
      cwd: folder,
      env: { LIFEBOAT_HOME: home, DOCKER_HOST: labEngine(engineId).dockerHost },
    })
    said.push(result.stdout, result.stderr)
    return result
  }
  return {
    home,
    cwd: folder,
    said,
    run,
    good: async (...argv) => {
      const result = await run(...argv, '--json')
      expect(result.code, `${argv.join(' ')}\n${result.stdout}\n${result.stderr}`).toBe(0)
      return documentOf(result)
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The folder of a snapshot in the repository of a command line's home. */
export function snapshotFolder(line: CommandLine, snapshot: string): string {
  return path.join(line.home, 'repository', ...snapshot.split('/'))
}

/** All commands of a RESTORE.md, as the one script that its reader types. */
export async function guideScript(folder: string): Promise<string> {
  const text = await readFile(path.join(folder, 'RESTORE.md'), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands ?? '')
  return blocks.join('\n')
}
