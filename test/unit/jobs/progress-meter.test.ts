import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { JobProgress } from '../../../src-main/contract/model.ts'
import { progressMeter } from '../../../src-main/engine/jobs/progress-meter.ts'

let reports: JobProgress[]

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  reports = []
})
afterEach(() => {
  vi.useRealTimers()
})

function meter(): ReturnType<typeof progressMeter> {
  return progressMeter('job', 'backup', { now: () => new Date() }, report => reports.push(report))
}

describe('jobs/progress-meter', () => {
  it('reports at most five times a second, however often bytes arrive', () => {
    const progress = meter()
    for (let i = 0; i < 1000; i += 1) {
      progress.advance(1000)
      vi.advanceTimersByTime(2)
    }
    progress.stop()
    expect(reports.length).toBeLessThanOrEqual(11)
    expect(reports.at(-1)?.bytesDone).toBe(1_000_000)
  })

  it('never lets bytes fall, and never shows more than the total', () => {
    const progress = meter()
    progress.expect({ bytes: 100, items: 1 })
    progress.advance(80)
    progress.advance(-50)
    progress.advance(80)
    progress.stop()
    expect(reports.at(-1)).toMatchObject({ bytesDone: 160, bytesTotal: 160 })
  })

  it('tells the time left only after five seconds, from the measured rate', () => {
    const progress = meter()
    progress.expect({ bytes: 10_000, items: 1 })
    for (let second = 0; second < 6; second += 1) {
      progress.advance(1000)
      vi.advanceTimersByTime(1000)
      if (second === 2) expect(reports.at(-1)?.etaMs).toBeNull()
    }
    progress.stop()
    const last = reports.at(-1)
    expect(last?.bytesPerSecond).toBeGreaterThan(800)
    expect(last?.bytesPerSecond).toBeLessThan(1200)
    expect(last?.etaMs).toBeGreaterThan(3000)
    expect(last?.etaMs).toBeLessThan(5500)
  })

  it('counts silence once data has flowed', () => {
    const progress = meter()
    progress.advance(10)
    vi.advanceTimersByTime(30_000)
    expect(reports.at(-1)?.stalledMs).toBeGreaterThanOrEqual(29_000)
    progress.advance(10)
    vi.advanceTimersByTime(200)
    expect(reports.at(-1)?.stalledMs).toBe(0)
    progress.stop()
  })
})
