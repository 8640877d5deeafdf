import { engineVersion, isRunning } from '../engines/daemon.ts'
import { type EngineId, engineIds, labEngine } from '../engines/registry.ts'
import { type GroupName, groups } from '../groups/all.ts'
import { electronRuntime } from '../groups/electron.ts'
import { hostPrograms } from '../groups/packages.ts'
import { outdatedImages } from '../images/build.ts'
import { labImages } from '../images/catalog.ts'
import { type EngineSummary, type LabSummary, type MissingPart, writeSummary } from './summary.ts'
import { isRoot, which } from './system.ts'

/** Looks at what is there, writes the summary and resolves to it. */
export async function takeStock(
  chosen: readonly GroupName[],
  missing: readonly MissingPart[],
): Promise<LabSummary> {
  const ready = await Promise.all(
    chosen.map(async name => ({ name, ready: await groups[name].isReady() })),
  )
  const tools = await Promise.all(
    hostPrograms.map(async name => [name, (await which(name)) ?? null] as const),
  )
  const electron = electronRuntime()
  const summary: LabSummary = {
    version: 1,
    root: isRoot(),
    engines: await Promise.all(engineIds.map(describeEngine)),
    tools: Object.fromEntries(tools),
    electron: (await groups.electron.isReady()) ? electron : null,
    ready: ready.filter(group => group.ready).map(group => group.name),
    missing,
  }
  await writeSummary(summary)
  return summary
}

async function describeEngine(id: EngineId): Promise<EngineSummary> {
  const engine = labEngine(id)
  const { socket } = engine
  if (!(await isRunning(engine))) return { id, running: false, version: null, socket, images: [] }
  const outdated = new Set(await outdatedImages(engine, labImages))
  const images = labImages.filter(image => !outdated.has(image)).map(image => image.tag)
  return { id, running: true, version: await engineVersion(engine), socket, images }
}
