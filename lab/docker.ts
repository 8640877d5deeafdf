import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

import { isRunning, startDaemon, stopDaemon } from './engines/daemon.ts'
import {
  engineEnvironment,
  type EngineId,
  engineIds,
  type LabEngine,
  labEngine,
} from './engines/registry.ts'
import { isAlive } from './lib/lock.ts'
import { silentReport } from './lib/report.ts'
import { run, runBytes, type RunOptions, type RunResult, tryRun } from './lib/run.ts'

export { engineEnvironment, type EngineId, engineIds, type LabEngine, labEngine }

/** Label on everything that tests create in an engine; its value names the process that owns it. */
export const ownerLabel = 'lifeboat.lab.owner'

/** Value of the owner label for this process: whatever it leaves behind can be swept once it is gone. */
export const ownerValue = `${hostname()}:${process.pid}`

/** What `docker container inspect` says, as far as tests look at it. */
export interface ContainerState {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly paused: boolean
  readonly exitCode: number
  readonly health: string
  readonly startedAt: string
  readonly restartCount: number
}

/** The docker client against one engine of the lab, as a person would use it. */
export interface Docker {
  readonly engine: LabEngine
  /** Environment that leads every docker command to this engine. */
  readonly environment: NodeJS.ProcessEnv
  /** `docker ARGV…`; resolves to its standard output. Throws CommandFailed. */
  run(argv: readonly string[], options?: RunOptions): Promise<string>
  runBytes(argv: readonly string[], options?: RunOptions): Promise<Buffer>
  /** As `run`, but a failure is an answer too. */
  try(argv: readonly string[], options?: RunOptions): Promise<RunResult>
  /** `docker exec -i CONTAINER ARGV…` with the given input. */
  exec(container: string, argv: readonly string[], options?: ExecOptions): Promise<string>
  /** Everything `docker inspect` says about one thing, in the shape that the caller expects of it. */
  inspect<T>(kind: 'container' | 'volume' | 'network' | 'image', name: string): Promise<T>
  containerState(container: string): Promise<ContainerState>
  /** Ids of all containers with all of these labels (`name` or `name=value`), stopped ones too. */
  containers(labels: readonly string[]): Promise<readonly string[]>
  volumes(labels: readonly string[]): Promise<readonly string[]>
  networks(labels: readonly string[]): Promise<readonly string[]>
}

interface InspectedContainer {
  readonly Id: string
  readonly Name: string
  readonly RestartCount: number
  readonly State: {
    readonly Status: string
    readonly Paused: boolean
    readonly ExitCode: number
    readonly StartedAt: string
    readonly Health?: { readonly Status: string }
  }
}

export interface ExecOptions extends RunOptions {
  /** User inside the container. */
  readonly user?: string
}

/** The docker client for an engine of the lab. The engine must be running. */
export function docker(id: EngineId): Docker {
  const engine = labEngine(id)
  const environment = engineEnvironment(engine)
  const withEnvironment = (options: RunOptions = {}): RunOptions => ({
    ...options,
    env: options.env ?? environment,
  })
  const call = async (argv: readonly string[], options?: RunOptions): Promise<string> =>
    await run(['docker', ...argv], withEnvironment(options))
  const list = async (
    command: readonly string[],
    labels: readonly string[],
  ): Promise<readonly string[]> => {
    const filters = labels.flatMap(label => ['--filter', `label=${label}`])
    const text = await call([...command, '--quiet', ...filters])
    return text.split('\n').filter(line => line !== '')
  }
  return {
    engine,
    environment,
    run: call,
    runBytes: async (argv, options) =>
      await runBytes(['docker', ...argv], withEnvironment(options)),
    try: async (argv, options) => await tryRun(['docker', ...argv], withEnvironment(options)),
    exec: async (container, argv, options = {}) => {
      const user = options.user === undefined ? [] : ['--user', options.user]
      return await call(['exec', '--interactive', ...user, container, ...argv], options)
    },
    inspect: async <T>(kind: string, name: string) =>
      firstOf<T>(await call([kind, 'inspect', name]), name),
    containerState: async container => {
      const text = await call(['container', 'inspect', container])
      const one = firstOf<InspectedContainer>(text, container)
      return {
        id: one.Id,
        name: one.Name.replace(/^\//, ''),
        status: one.State.Status,
        paused: one.State.Paused,
        exitCode: one.State.ExitCode,
        health: one.State.Health?.Status ?? 'none',
        startedAt: one.State.StartedAt,
        restartCount: one.RestartCount,
      }
    },
    containers: async labels => await list(['container', 'ls', '--all', '--no-trunc'], labels),
    volumes: async labels => await list(['volume', 'ls'], labels),
    networks: async labels => await list(['network', 'ls'], labels),
  }
}

function firstOf<T>(text: string, name: string): T {
  const [first] = JSON.parse(text) as readonly T[]
  if (first === undefined) throw new Error(`docker inspect says nothing about ${name}`)
  return first
}

/** The engines that run right now. */
export async function runningEngines(): Promise<readonly EngineId[]> {
  const states = await Promise.all(
    engineIds.map(async id => ({ id, running: await isRunning(labEngine(id)) })),
  )
  return states.filter(state => state.running).map(state => state.id)
}

/** A name nobody else uses: `PREFIX-` and six hexadecimal digits. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(3).toString('hex')}`
}

/**
 * Stops an engine as given and starts it again, keeping its containers, volumes and images: the
 * daemon restart of fault tests. No other test may use that engine meanwhile.
 */
export async function restartEngine(
  id: EngineId,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  await stopDaemon(labEngine(id), signal)
  await startDaemon(labEngine(id), silentReport)
}

/** Removes from an engine what processes that are gone have left there; resolves to how much it was. */
export async function sweep(id: EngineId): Promise<number> {
  const client = docker(id)
  let removed = 0
  for (const kind of ['container', 'volume', 'network'] as const) {
    const names = await abandoned(client, kind)
    for (const name of names) {
      const argv = kind === 'container' ? ['rm', '-f', '-v', name] : [kind, 'rm', name]
      if ((await client.try(argv)).code === 0) removed += 1
    }
  }
  return removed
}

async function abandoned(
  client: Docker,
  kind: 'container' | 'volume' | 'network',
): Promise<readonly string[]> {
  const name = kind === 'volume' ? '{{.Name}}' : '{{.ID}}'
  const argv = [kind, 'ls', ...(kind === 'container' ? ['--all'] : [])]
  const format = `${name} {{.Label "${ownerLabel}"}}`
  const text = await client.run([...argv, '--filter', `label=${ownerLabel}`, '--format', format])
  return text.split('\n').flatMap(line => {
    const [found, owner] = line.split(' ')
    const pid = Number(owner?.split(':').at(-1))
    return found && !isAlive(pid) ? [found] : []
  })
}
