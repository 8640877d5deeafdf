import type { JobKind, JobProgress, JobStage } from '../../contract/model.ts'
import type { Clock } from '../ports.ts'

const INTERVAL_MS = 200
/** Rates are averaged over this long. */
const WINDOW_MS = 5000
/** A guess of the time left is worth telling only after this long (requirement U10). */
const ETA_AFTER_MS = 5000

export interface ProgressMeter {
  phase(stage: JobStage, phase: string, item?: string | null, safety?: string): void
  expect(totals: { readonly bytes: number | null; readonly items: number }): void
  advance(bytes: number): void
  itemDone(): void
  stop(): void
}

/**
 * Turns what a job reports into progress that is true: bytes never fall, the rate is measured, the
 * time left is told only when it is known, and silence is counted. At most five reports a second.
 */
export function progressMeter(
  jobId: string,
  kind: JobKind,
  clock: Clock,
  report: (progress: JobProgress) => void,
): ProgressMeter {
  const started = clock.now().getTime()
  let stage: JobStage = 'detect'
  let phase = 'Starting'
  let item: string | null = null
  let safety = 'It is safe to stop now: nothing has been changed yet.'
  let bytesDone = 0
  let bytesTotal: number | null = null
  let itemsDone = 0
  let itemsTotal = 0
  let lastByteAt = started
  let samples: { readonly at: number; readonly bytes: number }[] = [{ at: started, bytes: 0 }]
  let dirty = true

  function tick(): void {
    const now = clock.now().getTime()
    const stalledMs = bytesDone > 0 && now - lastByteAt > 2000 ? now - lastByteAt : 0
    if (!dirty && stalledMs === 0) return
    dirty = false
    samples = [...samples.filter(each => now - each.at <= WINDOW_MS), { at: now, bytes: bytesDone }]
    const first = samples[0]
    const span = first === undefined ? 0 : now - first.at
    const bytesPerSecond =
      first === undefined || span === 0 ? 0 : Math.round(((bytesDone - first.bytes) * 1000) / span)
    const left = bytesTotal === null ? null : Math.max(bytesTotal - bytesDone, 0)
    const etaMs =
      left === null || bytesPerSecond === 0 || now - started < ETA_AFTER_MS
        ? null
        : Math.round((left / bytesPerSecond) * 1000)
    report({
      jobId,
      kind,
      stage,
      phase,
      item,
      bytesDone,
      bytesTotal: bytesTotal === null ? null : Math.max(bytesTotal, bytesDone),
      bytesPerSecond,
      etaMs,
      stalledMs,
      safety,
      itemsDone,
      itemsTotal,
    })
  }

  const timer = setInterval(tick, INTERVAL_MS)
  timer.unref()

  return {
    phase(newStage, newPhase, newItem = null, newSafety) {
      stage = newStage
      phase = newPhase
      item = newItem
      if (newSafety !== undefined) safety = newSafety
      dirty = true
      tick()
    },
    expect(totals) {
      bytesTotal = totals.bytes
      itemsTotal = totals.items
      dirty = true
    },
    advance(bytes) {
      if (bytes <= 0) return
      bytesDone += bytes
      lastByteAt = clock.now().getTime()
      dirty = true
    },
    itemDone() {
      itemsDone += 1
      dirty = true
    },
    stop() {
      clearInterval(timer)
      dirty = true
      tick()
    },
  }
}
