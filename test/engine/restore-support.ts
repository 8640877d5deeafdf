import { type LabStack } from '../../lab/fixtures/stack.ts'
import type { DockerHost, Host } from '../../src-main/engine/hosts/host.ts'
import { readJournals } from '../../src-main/engine/jobs/journal.ts'
import type { EngineDeps } from '../../src-main/engine/ports.ts'
import type { RestoreOutcome } from '../../src-main/engine/restore/endings.ts'
import type { RestoreInput } from '../../src-main/engine/restore/restorer.ts'
import { runRestore } from '../../src-main/engine/restore/restorer.ts'
import { runUndo } from '../../src-main/engine/restore/undo.ts'
import type { UndoRecord } from '../../src-main/engine/restore/undo-record.ts'
import { backupStack } from '../../src-main/engine/runs/backup.ts'
import { openRepository, type Repository } from '../../src-main/engine/store/repository.ts'
import type { Home, RecordedJob } from './capture-support.ts'
import { helpersOf, makeHome, openLab, recordedJob } from './capture-support.ts'

/** A stack with one snapshot, and all that a restore needs. */
export interface Bench extends AsyncDisposable {
  readonly home: Home
  readonly host: DockerHost
  readonly repository: Repository
  readonly stack: LabStack
  /** Full id of the first snapshot. */
  readonly snapshot: string
}

export async function makeBench(stack: LabStack): Promise<Bench> {
  const home = await makeHome()
  const host = await openLab(home.deps)
  const repository = await openRepository(home.repository, { create: true, version: '0.1.0-test' })
  const report = await backupStack({
    deps: home.deps,
    host,
    stack: stack.name,
    repository,
    job: recordedJob(),
  })
  if (report.outcome !== 'complete') throw new Error(`backup: ${JSON.stringify(report)}`)
  return {
    home,
    host,
    repository,
    stack,
    snapshot: report.snapshot,
    async [Symbol.asyncDispose]() {
      await host.close()
      await home[Symbol.asyncDispose]()
    },
  }
}

export interface RestoreOptions {
  readonly only?: readonly string[]
  readonly confirm?: string
  readonly job?: RecordedJob
  readonly host?: Host
  readonly snapshot?: string
  readonly takeSafetySnapshot?: RestoreInput['takeSafetySnapshot']
}

/** What a restore works on; of a stack, its name. */
type Parts = Pick<Bench, 'host' | 'repository' | 'snapshot'> & {
  readonly deps: EngineDeps
  readonly stack: { readonly name: string }
}

/** As the engine's handler does it. */
export function inputOf(parts: Parts, options: RestoreOptions = {}): RestoreInput {
  const { deps, repository, stack } = parts
  const host = options.host ?? parts.host
  const job = options.job ?? recordedJob()
  return {
    deps,
    host,
    repository,
    snapshot: options.snapshot ?? parts.snapshot,
    only: options.only ?? null,
    confirm: options.confirm ?? stack.name,
    job,
    steadyMs: 1000,
    takeSafetySnapshot:
      options.takeSafetySnapshot ??
      (async items => {
        const common = { deps, host, repository, job }
        const report = await backupStack({
          ...common,
          stack: stack.name,
          only: items,
          origin: 'safety',
        })
        return report.snapshot
      }),
  }
}

export function restore(bench: Bench, options: RestoreOptions = {}): Promise<RestoreOutcome> {
  return runRestore(inputOf({ ...bench, deps: bench.home.deps }, options))
}

export function undo(
  bench: Bench,
  record: UndoRecord,
  options: RestoreOptions = {},
): Promise<RestoreOutcome> {
  return runUndo({ ...inputOf({ ...bench, deps: bench.home.deps }, options), undo: record })
}

/** Methods that change something on a host; a helper that may write counts, one that reads does not. */
const writing = new Set<string>([
  'start',
  'stop',
  'pause',
  'unpause',
  'createVolume',
  'removeVolume',
  'createNetwork',
  'removeNetwork',
  'createContainer',
  'removeContainer',
])

/** A host that notes every call that would change something. */
export function watched(host: DockerHost): {
  readonly host: DockerHost
  readonly writes: string[]
} {
  const writes: string[] = []
  const proxy = new Proxy(host, {
    get(target, name: keyof DockerHost) {
      const value = target[name]
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]) => {
        const purpose = (args[0] as { readonly purpose?: string } | undefined)?.purpose
        if (writing.has(name) || (name === 'startHelper' && purpose !== 'read')) {
          writes.push(`${name} ${JSON.stringify(args[0] ?? null).slice(0, 200)}`)
        }
        return (value as (...all: readonly unknown[]) => unknown).apply(target, [...args])
      }
    },
  })
  return { host: proxy, writes }
}

/** Nothing of a run stays behind: no journal, no helper. */
export async function leftovers(bench: Bench): Promise<readonly string[]> {
  const journals = await readJournals(bench.home.deps.paths.state)
  const partials = await bench.repository.partials()
  return [
    ...journals.map(each => `journal ${each.jobId}`),
    ...(await helpersOf()).map(each => `helper ${each}`),
    ...partials.map(each => `partial ${each.folder}`),
  ]
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'no error'
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    return typeof code === 'string' ? code : String(error)
  }
}
