import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { EngineId } from '../../lab/docker.ts'
import { docker, labEngine, ownerLabel, ownerValue, uniqueName } from '../../lab/docker.ts'
import { waitFor } from '../../lab/lib/wait.ts'
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

/** A little stack with Compose's labels, made without Compose: up within a second or two. */
export interface SmallStack extends AsyncDisposable {
  readonly name: string
  readonly volume: string
  /** Writes to the volume and runs. */
  readonly app: TestContainer
  /** Runs, and has no data. */
  readonly web: TestContainer
  /** Has the volume, and was stopped before. */
  readonly idle: TestContainer
}

/** `megabytes`: how much noise is in the volume. */
export async function makeSmallStack(
  megabytes: number,
  options: { readonly how?: 'stop' | 'pause'; readonly app?: readonly string[] } = {},
): Promise<SmallStack> {
  const name = uniqueName('stack')
  const volume = await makeVolume(name)
  await inVolume(
    volume.name,
    `mkdir /v/files; head -c ${megabytes}000000 /dev/urandom >/v/large; for i in $(seq 50); do echo $i >/v/files/$i; done`,
  )
  const labels = (service: string): readonly string[] =>
    Object.entries({ project: name, service, oneoff: 'False', 'container-number': '1' }).flatMap(
      ([key, value]) => ['--label', `com.docker.compose.${key}=${value}`],
    )
  const mount = ['-v', `${volume.name}:/data`]
  // The label of another backup tool asks for a stop instead of a pause.
  const stop =
    options.how === 'stop' ? ['--label', 'docker-volume-backup.stop-during-backup=true'] : []
  const app = await makeContainer([...labels('app'), ...mount, ...stop, ...(options.app ?? [])])
  const web = await makeContainer(labels('web'))
  const idle = await makeContainer([...labels('idle'), ...mount])
  await lab.run(['stop', '-t', '1', idle.id])
  return {
    name,
    volume: volume.name,
    app,
    web,
    idle,
    [Symbol.asyncDispose]: async () => {
      for (const each of [app, web, idle, volume]) await each[Symbol.asyncDispose]()
    },
  }
}

/** State, start time and restart count of each container: equal before and after when nothing touched it but a pause. */
export async function statesOf(...containers: readonly TestContainer[]): Promise<unknown> {
  return Promise.all(
    containers.map(async each => {
      const { status, paused } = await lab.containerState(each.id)
      return { id: each.id, status, paused }
    }),
  )
}

/** A process of its own that runs a job and prints its steps, for tests that kill it. */
export interface JobChild {
  readonly pid: number
  readonly lines: readonly string[]
  /** Resolves when a line contains this. */
  said(text: string): Promise<void>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<unknown>
}

/** A child that backs up a stack, see backup-child.ts. */
export function startBackup(home: Home, stack: string, hold?: string): JobChild {
  return startChild('backup-child.ts', [home.folder, stack], hold)
}

/** In such a child: prints each step, and stops for ever at the first one that contains a word. */
export function holdAt(word: string | undefined): (step: string) => void {
  return step => {
    process.stdout.write(`${step.replaceAll('\n', ' ')}\n`)
    if (word === undefined || !step.includes(word)) return
    process.stdout.write('held\n')
    // Nothing else of this process runs from here on, heartbeats included.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }
}

/** Starts a script of this folder; with `hold` it stops for ever at the first step that contains it. */
export function startChild(script: string, argv: readonly string[], hold?: string): JobChild {
  const file = path.join(import.meta.dirname, script)
  const env = { ...process.env, ...(hold === undefined ? {} : { LIFEBOAT_TEST_HOLD: hold }) }
  const child = spawn(process.execPath, [file, ...argv], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const ended = new Promise(resolve => child.once('close', resolve))
  return {
    pid: child.pid ?? 0,
    lines,
    async said(text) {
      let over = false
      void ended.then(() => (over = true))
      await waitFor(
        `${script} to say ${text}`,
        () => over || lines.some(each => each.includes(text)),
        { timeoutMs: 240_000 },
      )
      if (!lines.some(each => each.includes(text))) {
        throw new Error(`${script} ended without ${text}:\n${lines.slice(-20).join('\n')}`)
      }
    },
    kill: signal => void child.kill(signal),
    ended,
  }
}
