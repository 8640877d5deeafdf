import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { withLock } from '../lib/lock.ts'
import { labPaths } from '../lib/paths.ts'
import type { Report } from '../lib/report.ts'
import { tryRun } from '../lib/run.ts'
import { startDaemon, stopDaemon } from './daemon.ts'
import {
  engineEnvironment,
  type EngineId,
  engineIds,
  type LabEngine,
  labEngine,
} from './registry.ts'

/** One process at a time starts and stops engines. */
export const daemonLock = (): string => join(labPaths().run, 'daemons.lock')

/**
 * Starts the engines that do not run. What tests of an earlier session left in an engine that had to be
 * started (containers, volumes, networks) is removed: nobody can be using it.
 */
export async function startEngines(
  report: Report,
  ids: readonly EngineId[] = engineIds,
): Promise<void> {
  await mkdir(labPaths().run, { recursive: true })
  await withLock(daemonLock(), async () => {
    for (const id of ids) {
      const engine = labEngine(id)
      if (await startDaemon(engine, report)) await emptyEngine(engine)
    }
  })
}

/** Stops the engines that run; their images stay in the cache. */
export async function stopEngines(
  report: Report,
  ids: readonly EngineId[] = engineIds,
): Promise<void> {
  await withLock(daemonLock(), async () => {
    for (const id of ids) {
      const engine = labEngine(id)
      if (await stopDaemon(engine)) report.say(`stopped ${engine.label}`)
    }
  })
}

async function emptyEngine(engine: LabEngine): Promise<void> {
  const env = engineEnvironment(engine)
  const list = async (...argv: readonly string[]): Promise<readonly string[]> =>
    (await tryRun(['docker', ...argv, '--quiet'], { env })).stdout
      .toString('utf8')
      .split('\n')
      .filter(id => id !== '')
  const containers = await list('container', 'ls', '--all')
  if (containers.length > 0) await tryRun(['docker', 'rm', '-f', '-v', ...containers], { env })
  const volumes = await list('volume', 'ls')
  if (volumes.length > 0) await tryRun(['docker', 'volume', 'rm', '-f', ...volumes], { env })
  const networks = await list('network', 'ls', '--filter', 'type=custom')
  if (networks.length > 0) await tryRun(['docker', 'network', 'rm', ...networks], { env })
}
