import { AppError } from '../../contract/errors.ts'
import type { HelperMount } from '../hosts/helper.ts'
import type { DockerHost } from '../hosts/host.ts'
import type { Created, RestoreRun } from './run-context.ts'
import { noteCreated } from './run-context.ts'
import type { TreePlaces } from './tree-places.ts'

/**
 * Makes what a restore needs and the host no longer has: networks, volumes with their labels (rule D8),
 * folders, and containers from their recorded definitions, which keeps every label, so that Compose knows
 * them for its own. Everything is in the journal before it is made. Nothing that exists is touched. A second
 * call does nothing.
 */
export async function createMissing(run: RestoreRun): Promise<void> {
  const { host, design, journal, job } = run
  if (host.kind === 'folder' || run.isComplete) return
  run.isComplete = true
  for (const network of design.networks) {
    job.signal.throwIfAborted()
    await noteCreated(journal, { networks: [network.name] })
    await host.createNetwork(network.raw)
    job.note('info', `Made the network ${network.name}.`)
  }
  for (const { name, driver, labels, options } of design.volumes) {
    job.signal.throwIfAborted()
    if ((await host.volume(name)) !== null) continue
    await noteCreated(journal, { volumes: [name] })
    await host.createVolume({ name, driver, labels, options })
    job.note('info', `Made the volume ${name}.`)
  }
  for (const folder of design.folders) await createFolder(run, folder)
  for (const container of design.containers) {
    if (container.now !== null || container.recorded === null) continue
    job.signal.throwIfAborted()
    job.phase('restore', `Making the container ${container.name}`)
    await assertFree(host, container.name)
    await noteCreated(journal, { containers: [container.name] })
    const id = await host.createContainer(container.recorded.raw, container.name)
    run.containers = [...run.containers, { ...container, id }]
    job.note('info', `Made the container ${container.name} as it was.`)
  }
}

/** Makes the folder of a bind that is gone. */
export async function createFolder(run: RestoreRun, folder: string): Promise<void> {
  await run.places.make(folder, made => noteCreated(run.journal, { folders: made }))
}

/** A name that somebody took meanwhile must not be in the journal: its owner is not ours to remove. */
async function assertFree(host: DockerHost, name: string): Promise<void> {
  const taken = (await host.containers()).find(each => each.name === name)
  if (taken === undefined) return
  throw new AppError('busy-target', {
    message: `Another container is called ${name}, so the one of the stack cannot be made.`,
    state: 'The live data was not touched.',
    hint: `Remove or rename it (docker rename ${name} …), then restore again.`,
  })
}

/** Removes what was made. Returns what could not be removed, in words. */
export async function removeCreated(
  host: DockerHost | null,
  places: TreePlaces,
  created: Created,
): Promise<readonly string[]> {
  const problems: string[] = []
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      problems.push(
        `${what} could not be removed: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }
  if (host !== null) {
    const containers = created.containers.length === 0 ? [] : await host.containers()
    for (const name of created.containers) {
      const container = containers.find(each => each.name === name)
      if (container === undefined) continue
      await attempt(`The container ${name}`, () => host.removeContainer(container.id))
    }
    for (const name of created.volumes) {
      await attempt(`The volume ${name}`, () => host.removeVolume(name))
    }
    const networks = created.networks.length === 0 ? [] : await host.networks()
    for (const name of created.networks) {
      const network = networks.find(each => each.name === name)
      if (network === undefined) continue
      await attempt(`The network ${name}`, () => host.removeNetwork(network.id))
    }
  }
  await attempt('A folder', () => places.remove(created.folders))
  return problems
}

/** The mount of a whole volume or folder, by ledger id. */
export function mountOf(id: string): HelperMount {
  const type = id.startsWith('volume:') ? 'volume' : 'bind'
  return { mount: id, type, source: id.slice(id.indexOf(':') + 1), readOnly: false }
}
