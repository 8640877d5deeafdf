import path from 'node:path'

import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { Item, PlanStep } from '../../contract/model.ts'
import type { Inventory } from '../detect/inventory.ts'
import type { DockerHost } from '../hosts/host.ts'
import { thisComputer } from '../lib/run-local.ts'
import type { CaptureContext } from './context.ts'
import { differences } from './context.ts'
import { archiveByEngine } from './engine-archive.ts'
import { fingerprint } from './fingerprint.ts'
import type { ItemRun } from './item-runs.ts'
import { archiveLocally } from './local-archive.ts'
import { localTools } from './local-tools.ts'
import type { StoredArtifact } from './sink.ts'
import type { VolumeArchive } from './volume-archive.ts'
import { archiveVolume } from './volume-archive.ts'

/** Stores a volume or a folder of the host as an archive. `leaveOut`: paths inside that are not copied. */
export async function copyTree<R extends StoredArtifact>(
  context: CaptureContext<R>,
  run: ItemRun<R>,
  step: PlanStep,
  leaveOut: readonly string[],
): Promise<void> {
  const { sink, signal, host } = context
  const { item } = run
  // What writes to a plain folder is not known, and nothing keeps it quiet: what can be told is whether it did.
  const look = (): Promise<string | null> =>
    host.kind === 'folder' ? fingerprint(item.source, leaveOut, signal) : Promise.resolve(null)
  const before = await look()
  const archive = await open(context, item, leaveOut)
  const record = await sink.addArtifact(
    {
      path: archivePath(item),
      item: item.id,
      content: 'tar',
      codec: 'zstd',
      expectedBytes: step.estimatedBytes,
      onBytes: differences(run.advance),
      signal,
    },
    archive,
  )
  const { warnings, unsteadyFiles } = await archive.proof
  run.add(record)
  run.facts({ leftOut: leaveOut })
  for (const warning of warnings) run.warn(warning)
  if (unsteadyFiles > 0) run.downgrade('hot')
  else if (before !== null && before === (await look())) run.wasStill()
}

/** Where an archive is kept in the snapshot, with real names. */
function archivePath(item: Item): string {
  return item.kind === 'volume'
    ? `volumes/${item.source}.tar`
    : `binds/${item.source.replace(/^[/\\]+/, '').replaceAll('\\', '/')}.tar`
}

async function open<R extends StoredArtifact>(
  { host, helper, inventory, compression, signal }: CaptureContext<R>,
  item: Item,
  leaveOut: readonly string[],
): Promise<VolumeArchive> {
  const fileName = path.posix.basename(item.source.replaceAll('\\', '/'))
  if (host.kind === 'folder') {
    const tools = await localTools()
    const common = { root: item.source, fileName, leaveOut, signal }
    return tools.tar === 'gnu'
      ? archiveVolume({ ...common, place: thisComputer, tools, compression })
      : archiveLocally(common)
  }
  if (helper === null) return withoutHelper(host, inventory, item, leaveOut, signal)
  const root = helper.pathOf(item.id)
  if (root === null) throw notMounted(item, helper.missing)
  const { place, tools } = helper
  return archiveVolume({ place, tools, root, fileName, leaveOut, compression, signal })
}

/** Any container of the stack that has the mount will do, whether it runs or not. */
async function withoutHelper(
  host: DockerHost,
  inventory: Inventory,
  item: Item,
  leaveOut: readonly string[],
  signal: AbortSignal,
): Promise<VolumeArchive> {
  for (const { id: containerId, mounts } of inventory.containers) {
    const mount = mounts.find(each => `${each.type}:${each.source}` === item.id)
    if (mount === undefined) continue
    // Whether a bind is a file the engine's lists do not tell; a path below a file is refused.
    const common = { host, containerId, target: mount.target, leaveOut, signal }
    if (mount.type === 'volume') return archiveByEngine({ ...common, isFile: false })
    try {
      return await archiveByEngine({ ...common, isFile: false })
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'failed') throw error
      return await archiveByEngine({ ...common, isFile: true })
    }
  }
  throw notMounted(item, [])
}

function notMounted(
  item: Item,
  missing: readonly { readonly mount: string; readonly reason: string }[],
): AppError {
  const reason = missing.find(each => each.mount === item.id)?.reason
  return new AppError(item.kind === 'volume' ? 'volume-missing' : 'path-missing', {
    message: `${item.source} cannot be read: ${reason ?? 'it was not there when the backup began.'}`,
    state: NOTHING_CHANGED,
    hint: 'Look at the stack again (lifeboat stacks), then repeat the backup.',
  })
}
