import { AppError } from '../../contract/errors.ts'
import type { RunJournal } from '../capture/run-journal.ts'
import type { DockerHost } from '../hosts/host.ts'
import type { JobContext } from '../jobs/job-context.ts'
import { isAwake } from './container-works.ts'
import type { ContainerWork } from './design.ts'
import { startWaves } from './order.ts'

/** A container whose id is known: it existed, or was made meanwhile. */
export interface KnownContainer extends ContainerWork {
  readonly id: string
}

/** Those that run at the end. */
export function runningAfter(containers: readonly KnownContainer[]): readonly KnownContainer[] {
  return containers.filter(each => each.runsAfter)
}

/** Containers by wave, dependencies first. */
export function containerWaves(
  containers: readonly KnownContainer[],
): readonly (readonly KnownContainer[])[] {
  const services = [...new Set(containers.map(each => each.service))].map(name => ({
    name,
    dependsOn: [
      ...new Set(containers.filter(each => each.service === name).flatMap(each => each.dependsOn)),
    ],
  }))
  return startWaves(services).map(wave => containers.filter(each => wave.includes(each.service)))
}

/**
 * Stops containers that run, dependents first; the members of a wave at the same time. Each is in the
 * journal before it is stopped. Returns those that ran.
 */
export async function stopContainers(
  host: DockerHost,
  containers: readonly KnownContainer[],
  journal: RunJournal,
  job: JobContext,
): Promise<readonly KnownContainer[]> {
  const stopped: KnownContainer[] = []
  for (const wave of containerWaves(containers).toReversed()) {
    job.signal.throwIfAborted()
    const states = await Promise.all(wave.map(each => host.container(each.id)))
    const running = wave.filter((_, index) => isAwake(states[index]?.state ?? ''))
    if (running.length === 0) continue
    await journal.update(each => ({
      ...each,
      quiesced: [
        ...each.quiesced,
        ...running.map(({ id, service }) => ({ containerId: id, service, how: 'stop' as const })),
      ],
    }))
    stopped.push(...running)
    await Promise.all(
      running.map(async each => {
        const now = states[wave.indexOf(each)]
        // A paused container does not hear that it is to stop.
        if (now?.state === 'paused') await host.unpause(each.id)
        await host.stop(each.id, now?.stopGraceMs ?? 10_000)
        job.note('info', `Stopped ${each.service}.`)
      }),
    )
  }
  return stopped
}

/** Starts containers, dependencies first. Returns what could not be started, in words; tries all. */
export async function startContainers(
  host: DockerHost,
  containers: readonly KnownContainer[],
  note: JobContext['note'],
): Promise<readonly string[]> {
  const problems: string[] = []
  for (const wave of containerWaves(containers)) {
    await Promise.all(
      wave.map(async ({ id, service, name }) => {
        try {
          const now = await host.container(id)
          if (now.state === 'paused') await host.unpause(id)
          else if (!isAwake(now.state)) {
            await host.start(id)
            note('info', `Started ${service}.`)
          }
        } catch (error) {
          problems.push(startProblem(service, name, error))
        }
      }),
    )
  }
  return problems
}

function startProblem(service: string, name: string, error: unknown): string {
  if (error instanceof AppError && error.code === 'container-gone') {
    return `${service} could not be started: its container ${name} was removed by somebody else.`
  }
  const why =
    error instanceof AppError && error.details !== undefined
      ? `${error.message} (${error.details})`
      : error instanceof Error
        ? error.message
        : String(error)
  return `${service} could not be started: ${why}`
}
