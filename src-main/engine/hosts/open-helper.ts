import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import { interrupted } from '../lib/interrupted.ts'
import type { Helper, HelperMount } from './helper.ts'
import type { ImageSearch } from './helper-images.ts'
import { findHelperImage } from './helper-images.ts'
import type { KeptHelper } from './helper-keeper.ts'
import { startKept } from './helper-keeper.ts'
import type { DockerHost } from './host.ts'

export interface HelperOptions extends ImageSearch {
  /** Id of the run, for the label. */
  readonly runId?: string
}

/** Label with the id of the run that a helper belongs to. */
export const RUN_LABEL = 'io.lifeboat.run'

/** What root may do in a helper: read everything; to restore, also give every file its owner, mode and kind. */
const CAPABILITIES = {
  read: ['DAC_READ_SEARCH'],
  write: ['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'MKNOD', 'SETFCAP'],
} as const

/**
 * Starts one sleeping container with the given mounts, from the best image that is on the host already.
 * Mounts that cannot be made are reported in `missing` and never created; the others are there.
 * The container ends by itself when this process is gone. Rejects with `no-helper-image`.
 */
export async function openHelper(
  host: DockerHost,
  mounts: readonly HelperMount[],
  purpose: 'read' | 'write',
  options: HelperOptions,
): Promise<Helper> {
  const isStopped = (): boolean => options.signal?.aborted === true
  if (isStopped()) throw interrupted()
  const chosen = await findHelperImage(host, options)
  if (chosen === null) throw noImage(host)
  const { helper, targets, missing } = await startWithMounts(host, mounts, mountable =>
    startKept(host, {
      purpose,
      image: chosen.image,
      mounts: mountable,
      capabilities: CAPABILITIES[purpose],
      labels: options.runId === undefined ? {} : { [RUN_LABEL]: options.runId },
    }),
  )
  if (isStopped()) {
    await helper.close()
    throw interrupted()
  }
  return {
    containerId: helper.containerId,
    image: chosen.image,
    tools: chosen.tools,
    place: {
      ...host.inContainer(helper.containerId),
      description: `helper container ${helper.containerId.slice(0, 12)}`,
    },
    pathOf: mount => targets.get(mount) ?? null,
    missing,
    close: () => helper.close(),
  }
}

type Missing = { readonly mount: string; readonly reason: string }
type Mountable = HelperMount & { readonly target: string }

async function startWithMounts(
  host: DockerHost,
  mounts: readonly HelperMount[],
  start: (mounts: readonly Mountable[]) => Promise<KeptHelper>,
): Promise<{
  readonly helper: KeptHelper
  readonly targets: ReadonlyMap<string, string>
  readonly missing: readonly Missing[]
}> {
  const missing: Missing[] = []
  let mountable: readonly Mountable[] = mounts.map((mount, index) => ({
    ...mount,
    target: `/lifeboat/${index}`,
  }))
  const leaveOut = (lost: Mountable, reason: string): void => {
    missing.push({ mount: lost.mount, reason })
    mountable = mountable.filter(mount => mount !== lost)
  }
  // The engine would make a volume that is not there, and an empty one would pass for the data.
  for (const mount of mountable) {
    if (mount.type === 'volume' && (await host.volume(mount.source)) === null) {
      leaveOut(mount, `There is no volume ${mount.source} on the host.`)
    }
  }
  for (;;) {
    try {
      const helper = await start(mountable)
      const targets = new Map(mountable.map(mount => [mount.mount, mount.target]))
      return { helper, targets, missing }
    } catch (error) {
      const lost = culprit(error, mountable)
      if (lost === null) throw error
      leaveOut(lost, error instanceof AppError ? error.message : String(error))
    }
  }
}

/** The mount that the engine's error names; null when it names none. */
function culprit(error: unknown, mounts: readonly Mountable[]): Mountable | null {
  if (!(error instanceof AppError) || error.code !== 'failed') return null
  const text = error.details ?? error.message
  // The longest first: /srv/app is also part of what is said about /srv/app/data.
  const byLength = mounts.toSorted((a, b) => b.source.length - a.source.length)
  return (
    byLength.find(mount => text.includes(mount.source)) ??
    byLength.find(
      mount => text.includes(`${mount.target}:`) || text.includes(`"${mount.target}"`),
    ) ??
    null
  )
}

function noImage(host: DockerHost): AppError {
  return new AppError('no-helper-image', {
    message: `No image on ${host.summary.label} has the tools to read or write its volumes (sh and tar).`,
    state: NOTHING_CHANGED,
    hint:
      'Put one there: `docker pull debian:stable-slim` on the host; without a connection to the outside, ' +
      '`docker save debian:stable-slim` on another computer and `docker load` on the host.',
  })
}
