import { AppError } from '../../contract/errors.ts'
import type { HelperImage } from '../hosts/helper-images.ts'
import type { DockerHost } from '../hosts/host.ts'
import type { CaptureContext } from './context.ts'
import type { DeadMan } from './dead-man.ts'
import { armDeadMan } from './dead-man.ts'
import type { QuiesceReport } from './quiesce.ts'
import { makeQuiesce } from './quiesce.ts'
import type { QuiesceTarget } from './quiesce-plan.ts'
import { quiesceWaves } from './quiesce-plan.ts'
import type { RunJournal } from './run-journal.ts'
import type { StoredArtifact } from './sink.ts'

/** How long a host that does not answer is asked to start what was stopped; the next start tries again. */
const PATIENCE_MS = 60_000
/** The same when the user waits for the end of a cancelled run. */
const HASTE_MS = 8_000

/** The time in which writers are quiet, with the switch on the host that guards it. */
export interface QuietTime {
  begin(): Promise<void>
  /** Rejects when somebody, or the switch, has started a service meanwhile. */
  check(): Promise<void>
  /** Brings back what was touched; never rejects, and tells the same when called again. */
  end(): Promise<QuiesceReport>
  /** Settles when the switch is gone too. After `end`; never rejects. */
  cleared(): Promise<void>
  warnings(): readonly string[]
}

export interface QuietTimeNeeds {
  readonly journal: RunJournal
  findSwitchImage(): Promise<HelperImage | null>
}

const untouched: QuiesceReport = {
  services: [],
  downtimeMs: 0,
  problems: [],
  leftToRepair: false,
}

/** Begins to arm the switch at once, beside other work; nothing is stopped before `begin`. */
export function openQuietTime<R extends StoredArtifact>(
  context: CaptureContext<R>,
  needs: QuietTimeNeeds,
  abort: (reason: AppError) => void,
): QuietTime {
  const { host, plan, inventory, helper } = context
  const lost = new Set(helper?.missing.map(each => each.mount))
  const waves = host.kind === 'docker' ? quiesceWaves(plan, inventory, lost) : []
  if (host.kind !== 'docker' || waves.length === 0) {
    return {
      begin: () => Promise.resolve(),
      check: () => Promise.resolve(),
      end: () => Promise.resolve(untouched),
      cleared: () => Promise.resolve(),
      warnings: () => [],
    }
  }
  return guardedQuietTime(context, needs, host, waves, abort)
}

function guardedQuietTime<R extends StoredArtifact>(
  { job, signal, items, inventory }: CaptureContext<R>,
  needs: QuietTimeNeeds,
  host: DockerHost,
  waves: readonly (readonly QuiesceTarget[])[],
  abort: (reason: AppError) => void,
): QuietTime {
  const { journal } = needs
  const services = waves.flat().map(each => each.service)
  const warnings: string[] = []
  const warn = (message: string): void => {
    warnings.push(message)
    job.note('warning', message)
  }
  const quiesce = makeQuiesce({ host, waves, journal, note: job.note })
  const arming = arm(host, waves, needs)
  arming.catch(() => undefined)
  let ending: Promise<QuiesceReport> | null = null
  let clearing: Promise<void> = Promise.resolve()
  let over = false

  async function end(): Promise<QuiesceReport> {
    over = true
    const report = await quiesce.resume(signal.aborted ? HASTE_MS : PATIENCE_MS)
    const deadMan = await arming.catch(() => null)
    // What could not be brought back from here, the switch may still be able to.
    if (report.leftToRepair) deadMan?.abandon()
    // Removing a container takes the engine a while; the run need not wait for it here.
    else clearing = deadMan?.disarm() ?? clearing
    warnings.push(...report.problems)
    return report
  }

  return {
    async begin() {
      const deadMan = await armed(arming, warn)
      deadMan?.lost.then(
        reason => {
          if (!over) abort(lostPoint(reason))
        },
        () => undefined,
      )
      for (const { service, insteadOfStop } of waves.flat()) {
        if (insteadOfStop === null) continue
        warn(`${service} is paused, not stopped: ${insteadOfStop}, so it would not come back.`)
        for (const item of inventory.stack.items) {
          if (item.writers.includes(service)) items.downgrade(item.id, 'crash-consistent')
        }
      }
      const names = [...new Set(services)].join(', ')
      const guard =
        deadMan === null
          ? `Killing Lifeboat now leaves ${names} stopped until its next start.`
          : `Should Lifeboat be killed now, the switch on the host starts ${names} again.`
      job.phase('capture', `Making ${names} quiet`, null, guard)
      await quiesce.begin(signal)
    },
    async check() {
      const disturbance = await quiesce.disturbance()
      if (disturbance !== null) throw lostPoint(`${disturbance}.`)
    },
    end() {
      ending ??= end()
      return ending
    },
    cleared: () => clearing,
    warnings: () => warnings,
  }
}

async function arm(
  host: DockerHost,
  waves: readonly (readonly QuiesceTarget[])[],
  { journal, findSwitchImage }: QuietTimeNeeds,
): Promise<DeadMan | null> {
  const [image, daemon] = await Promise.all([findSwitchImage(), host.daemon()])
  const client = image?.tools.socketClient ?? null
  if (image === null || client === null) return null
  return armDeadMan({
    host,
    image: image.image,
    client,
    engineId: daemon.id,
    acts: waves
      .toReversed()
      .flat()
      .map(({ how, containerId }) => ({ verb: how === 'stop' ? 'start' : 'unpause', containerId })),
    onStarted: id => journal.update(each => ({ ...each, helpers: [...each.helpers, id] })),
  })
}

/** The switch, or null with a warning: a backup without it is better than none. */
async function armed(
  arming: Promise<DeadMan | null>,
  warn: (message: string) => void,
): Promise<DeadMan | null> {
  try {
    const deadMan = await arming
    if (deadMan === null) {
      warn(
        'No image on the host has perl, python3 or curl, so no dead-man switch guards this run: should this computer vanish now, stopped services stay stopped until Lifeboat starts again.',
      )
    }
    return deadMan
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    warn(
      `The dead-man switch could not be started (${why}): should this computer vanish now, stopped services stay stopped until Lifeboat starts again.`,
    )
    return null
  }
}

function lostPoint(reason: string): AppError {
  return new AppError('failed', {
    message: `The consistent point was lost: ${reason}`,
    state: 'What was copied does not belong together and was removed.',
    hint: 'Find out who starts the service (a watchdog, an updater, another person), then repeat the backup.',
  })
}
