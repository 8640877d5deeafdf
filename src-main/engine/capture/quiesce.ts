import { AppError } from '../../contract/errors.ts'
import type { ContainerDefinition, DockerHost } from '../hosts/host.ts'
import type { QuiesceTarget } from './quiesce-plan.ts'
import type { RunJournal } from './run-journal.ts'

/** How long one service could not work. */
export interface ServiceDowntime {
  readonly service: string
  readonly how: 'stop' | 'pause'
  readonly milliseconds: number
}

export interface QuiesceReport {
  readonly services: readonly ServiceDowntime[]
  /** First quiesce to last resume; 0 when nothing was touched. */
  readonly downtimeMs: number
  /** What could not be brought back, in words. */
  readonly problems: readonly string[]
  /** True when the journal still holds services that the next start must bring back. */
  readonly leftToRepair: boolean
}

/** The quiet time of a run: services are stopped or paused, and come back whatever happens. */
export interface Quiesce {
  /** Stops and pauses, wave by wave. When it rejects, `resume` must still be called. */
  begin(signal: AbortSignal): Promise<void>
  /** Why the quiet did not last (somebody started a service), or null. */
  disturbance(): Promise<string | null>
  /**
   * Brings back what `begin` touched, last wave first, and tries for `patienceMs` where the host does not
   * answer. Never rejects; once only, further calls give the same report. What is back leaves the journal.
   */
  resume(patienceMs: number): Promise<QuiesceReport>
}

export interface QuiesceInput {
  readonly host: DockerHost
  readonly waves: readonly (readonly QuiesceTarget[])[]
  readonly journal: RunJournal
  note(level: 'info' | 'warning' | 'error', message: string): void
}

interface Touched {
  readonly containerId: string
  readonly containerName: string
  readonly service: string
  readonly how: 'stop' | 'pause'
  readonly graceMs: number
  readonly startedAt: string | null
  /** `performance.now()` at which it was asked to be quiet. */
  readonly since: number
  /** The engine did not say whether it obeyed: it may stop later. */
  uncertain: boolean
  downMs: number
}

const RETRY_MS = 500

/** Prepares the quiet time; nothing happens before `begin`. */
export function makeQuiesce(input: QuiesceInput): Quiesce {
  const waves: Touched[][] = []
  let report: Promise<QuiesceReport> | null = null
  return {
    async begin(signal) {
      for (const targets of input.waves) {
        signal.throwIfAborted()
        const wave = await look(input, targets)
        if (wave.length === 0) continue
        await remember(input.journal, wave)
        signal.throwIfAborted()
        waves.push(wave)
        await silence(input, wave)
      }
    },
    async disturbance() {
      const awake = await Promise.all(waves.flat().map(each => isDisturbed(input.host, each)))
      const names = waves.flat().filter((_, index) => awake[index])
      return names.length === 0
        ? null
        : `${names.map(nameOf).join(', ')} ran again while the data was being copied`
    },
    resume(patienceMs) {
      report ??= resumeAll(input, waves, performance.now() + patienceMs)
      return report
    },
  }
}

function nameOf({ service, containerName }: Touched): string {
  return service === containerName ? service : `${service} (container ${containerName})`
}

function isRunning({ state }: ContainerDefinition): boolean {
  return state === 'running' || state === 'restarting'
}

/** Who of the wave runs now, by id: a container that was replaced since is `container-gone`. */
async function look({ host }: QuiesceInput, targets: readonly QuiesceTarget[]): Promise<Touched[]> {
  const found = await Promise.all(
    targets.map(async target => ({ target, now: await host.container(target.containerId) })),
  )
  return found
    .filter(({ now }) => isRunning(now))
    .map(({ target, now }) => ({
      containerId: now.id,
      containerName: now.name,
      service: target.service,
      // What is between two restarts cannot be paused.
      how: now.state === 'restarting' ? 'stop' : target.how,
      graceMs: target.graceMs,
      startedAt: now.state === 'restarting' ? null : now.startedAt,
      since: performance.now(),
      uncertain: false,
      downMs: 0,
    }))
}

async function remember(journal: RunJournal, wave: readonly Touched[]): Promise<void> {
  const entries = wave.map(({ containerId, service, how }) => ({ containerId, service, how }))
  await journal.update(each => ({ ...each, quiesced: [...each.quiesced, ...entries] }))
}

async function silence({ host, note }: QuiesceInput, wave: readonly Touched[]): Promise<void> {
  const results = await Promise.allSettled(
    wave.map(async each => {
      try {
        if (each.how === 'stop') await host.stop(each.containerId, each.graceMs)
        else await host.pause(each.containerId)
      } catch (error) {
        each.uncertain = true
        throw error
      }
      note('info', `${each.how === 'stop' ? 'Stopped' : 'Paused'} ${each.service}.`)
    }),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

async function isDisturbed(host: DockerHost, touched: Touched): Promise<boolean> {
  const now = await host.container(touched.containerId)
  if (touched.how === 'pause') return now.state !== 'paused'
  if (isRunning(now) || now.state === 'paused') return true
  // It ran and stopped again in between.
  return touched.startedAt !== null && now.startedAt !== touched.startedAt
}

async function resumeAll(
  input: QuiesceInput,
  waves: readonly (readonly Touched[])[],
  until: number,
): Promise<QuiesceReport> {
  const problems: string[] = []
  let leftToRepair = false
  for (const wave of waves.toReversed()) {
    const results = await Promise.all(wave.map(each => bringBack(input, each, until)))
    for (const result of results) {
      if (result === null) continue
      problems.push(result.problem)
      leftToRepair ||= result.repairable
    }
  }
  const touched = waves.flat()
  const first = Math.min(...touched.map(each => each.since))
  const last = Math.max(...touched.map(each => each.since + each.downMs))
  return {
    services: touched.map(({ service, how, downMs }) => ({
      service,
      how,
      milliseconds: Math.round(downMs),
    })),
    downtimeMs: touched.length === 0 ? 0 : Math.round(last - first),
    problems,
    leftToRepair,
  }
}

async function bringBack(
  { host, journal, note }: QuiesceInput,
  touched: Touched,
  until: number,
): Promise<{ readonly problem: string; readonly repairable: boolean } | null> {
  const { containerId, service, how } = touched
  for (;;) {
    try {
      const now = await host.container(containerId)
      if (isRunning(now)) await settle(touched, until)
      const then = touched.uncertain ? await host.container(containerId) : now
      if (then.state === 'paused') {
        if (how === 'pause') await host.unpause(containerId)
      } else if (!isRunning(then)) await host.start(containerId)
      touched.downMs = performance.now() - touched.since
      await forget(journal, containerId)
      note('info', `${how === 'stop' ? 'Started' : 'Unpaused'} ${service} again.`)
      return null
    } catch (error) {
      const gone = error instanceof AppError && error.code === 'container-gone'
      if (!gone && performance.now() < until) {
        await new Promise(resolve => setTimeout(resolve, RETRY_MS))
        continue
      }
      touched.downMs = performance.now() - touched.since
      if (gone) await forget(journal, containerId)
      const why = error instanceof Error ? error.message : String(error)
      const problem = gone
        ? `The container of ${nameOf(touched)} was removed by somebody else while it was ${how === 'stop' ? 'stopped' : 'paused'}.`
        : `${nameOf(touched)} could not be ${how === 'stop' ? 'started' : 'unpaused'} again: ${why}`
      note('error', problem)
      return { problem, repairable: !gone }
    }
  }
}

/** An engine that was asked to stop a container and never answered may still do so until the grace is over. */
async function settle(touched: Touched, until: number): Promise<void> {
  if (!touched.uncertain) return
  const over = Math.min(until, touched.since + touched.graceMs + 2000)
  await new Promise(resolve => setTimeout(resolve, Math.max(0, over - performance.now())))
}

/** A journal that names a running container too many does no harm: the repair leaves what runs alone. */
async function forget(journal: RunJournal, containerId: string): Promise<void> {
  await journal
    .update(each => ({
      ...each,
      quiesced: each.quiesced.filter(one => one.containerId !== containerId),
    }))
    .catch(() => undefined)
}
