import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { EngineId } from '../../lab/docker.ts'
import { docker, labEngine, ownerLabel, ownerValue, uniqueName } from '../../lab/docker.ts'
import type { JobStage } from '../../src-main/contract/model.ts'
import type { DockerHost, Host } from '../../src-main/engine/hosts/host.ts'
import { openHost } from '../../src-main/engine/hosts/index.ts'
import type { JobContext } from '../../src-main/engine/jobs/job-context.ts'
import type { EngineDeps } from '../../src-main/engine/ports.ts'
import { settingsFile } from '../../src-main/platform/settings-file.ts'

/** The engine of the lab that this run of the suite is for. */
export const engineId = (process.env['LIFEBOAT_TEST_ENGINE'] ?? '20') as EngineId

/** A home of its own for one test: state, cache, settings and a repository. */
export interface Home extends AsyncDisposable {
  readonly folder: string
  readonly deps: EngineDeps
  readonly repository: string
}

/** Makes the dependencies of an engine whose files lie in this folder. */
export function depsIn(folder: string): EngineDeps {
  const at = (name: string): string => path.join(folder, name)
  const paths = {
    config: at('config'),
    state: at('state'),
    cache: at('cache'),
    repository: at('repository'),
    settingsFile: at('config/settings.json'),
  }
  return {
    paths,
    settings: settingsFile(paths.settingsFile, paths.repository),
    secrets: {
      get: () => Promise.resolve(null),
      set: () => Promise.resolve(),
      remove: () => Promise.resolve(),
      describe: () => 'nowhere',
    },
    clock: { now: () => new Date() },
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    env: {},
    homeDirectory: folder,
    version: '0.1.0-test',
  }
}

export async function makeHome(): Promise<Home> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lifeboat-capture-'))
  return {
    folder,
    deps: depsIn(folder),
    repository: path.join(folder, 'repository'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Opens a host as the engine's handlers do. */
export async function openWith(deps: EngineDeps, id: string): Promise<Host> {
  return openHost(id, {
    env: deps.env,
    homeDirectory: deps.homeDirectory,
    settings: deps.settings,
    stateFolder: deps.paths.state,
    cacheFolder: deps.paths.cache,
  })
}

/** The engine of the lab as a host. */
export async function openLab(deps: EngineDeps, id: EngineId = engineId): Promise<DockerHost> {
  const host = await openWith(deps, labEngine(id).dockerHost)
  if (host.kind !== 'docker') throw new Error('not a Docker host')
  return host
}

/** A job whose progress and notes are kept for the test. */
export interface RecordedJob extends JobContext {
  readonly notes: { readonly level: string; readonly message: string }[]
  readonly phases: { readonly stage: JobStage; readonly phase: string; readonly safety?: string }[]
  readonly bytes: () => number
  readonly itemsDone: () => number
  readonly controller: AbortController
  /** Called at every phase, note and piece of progress; may abort. */
  onStep: (what: string) => void
}

export function recordedJob(jobId = `job-${Math.random().toString(36).slice(2)}`): RecordedJob {
  const controller = new AbortController()
  const notes: RecordedJob['notes'] = []
  const phases: RecordedJob['phases'] = []
  let bytes = 0
  let done = 0
  const job: RecordedJob = {
    jobId,
    kind: 'backup',
    signal: controller.signal,
    notes,
    phases,
    bytes: () => bytes,
    itemsDone: () => done,
    controller,
    onStep: () => undefined,
    phase(stage, phase, _item, safety) {
      phases.push(safety === undefined ? { stage, phase } : { stage, phase, safety })
      job.onStep(phase)
    },
    expect: () => undefined,
    advance(count) {
      if (count < 0) throw new Error('progress fell')
      bytes += count
      job.onStep(`bytes ${bytes}`)
    },
    itemDone() {
      done += 1
    },
    note(level, message) {
      notes.push({ level, message })
      job.onStep(message)
    },
  }
  return job
}

/** A volume for one test, removed at its end. */
export interface TestVolume extends AsyncDisposable {
  readonly name: string
}

const lab = docker(engineId)

export async function makeVolume(prefix = 'cap'): Promise<TestVolume> {
  const name = uniqueName(prefix)
  await lab.run(['volume', 'create', '--label', `${ownerLabel}=${ownerValue}`, name])
  return {
    name,
    [Symbol.asyncDispose]: async () => {
      await lab.run(['volume', 'rm', '-f', name])
    },
  }
}

/** Runs a shell script in a rich container that has the volume at /v and ends. */
export async function inVolume(
  volume: string,
  script: string,
  options: readonly string[] = [],
): Promise<string> {
  const label = ['--label', `${ownerLabel}=${ownerValue}`]
  const mount = ['--network=none', '-v', `${volume}:/v`]
  return lab.run(['run', '--rm', ...label, ...mount, ...options, 'lab/base:1', 'sh', '-ec', script])
}

/** A container that stays until the test ends; removed then, whatever its state. */
export interface TestContainer extends AsyncDisposable {
  readonly id: string
  readonly name: string
}

export async function makeContainer(
  options: readonly string[],
  image = 'lab/base:1',
  command: readonly string[] = ['sleep', '100000'],
): Promise<TestContainer> {
  const name = uniqueName('cap')
  const label = ['--label', `${ownerLabel}=${ownerValue}`]
  // Init as process 1, so that a stop need not wait for the grace period.
  const argv = ['run', '-d', '--init', '--name', name, ...label, ...options, image, ...command]
  const id = (await lab.run(argv)).trim()
  return {
    id,
    name,
    [Symbol.asyncDispose]: async () => {
      await lab.try(['rm', '-f', '-v', id])
    },
  }
}

/** Helpers of Lifeboat on the engine that this process, or a child that is named, has started. */
export async function helpersOf(pid: number = process.pid): Promise<readonly string[]> {
  const format = '{{.ID}} {{.Label "io.lifeboat.owner"}}'
  const filter = ['--filter', 'label=io.lifeboat.helper']
  const text = await lab.run(['ps', '-a', '--no-trunc', ...filter, '--format', format])
  return text.split('\n').filter(line => line.includes(`"pid":${pid},`))
}
