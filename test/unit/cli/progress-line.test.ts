import { describe, expect, it } from 'vitest'

import {
  plainProgress,
  progressText,
  terminalProgress,
} from '../../../src-main/cli/output/progress-line.ts'
import { styleFor } from '../../../src-main/cli/output/style.ts'
import type { JobEvent, JobProgress } from '../../../src-main/contract/model.ts'

const plain = styleFor(false)

const progress: JobProgress = {
  jobId: 'job',
  kind: 'backup',
  stage: 'capture',
  phase: 'Copying volume files',
  item: 'volume:files',
  bytesDone: 5 * 1024 ** 2,
  bytesTotal: 10 * 1024 ** 2,
  bytesPerSecond: 1024 ** 2,
  etaMs: 5_000,
  stalledMs: 0,
  safety: 'Nothing is listed.',
  itemsDone: 1,
  itemsTotal: 3,
}

const event: JobEvent = {
  jobId: 'job',
  time: '2026-01-01T00:00:00Z',
  level: 'warning',
  message: 'odd\u001b[2J name',
}

describe('cli/output/progress-line', () => {
  it('says phase, items, bytes of total, rate and time left', () => {
    expect(progressText(progress)).toBe(
      'Copying volume files · 1/3 · 5.00 MiB of 10.0 MiB · 1.00 MiB/s · about 5 s left',
    )
  })

  it('says when no data comes, instead of a rate', () => {
    expect(progressText({ ...progress, etaMs: 0 })).not.toContain('left')
    const text = progressText({ ...progress, stalledMs: 31_000, etaMs: null })
    expect(text).toContain('no data for 31 s, still connected')
    expect(text).not.toContain('/s')
  })

  it('writes over one line of a terminal, which is never wider than it', () => {
    const written: string[] = []
    const view = terminalProgress(
      text => written.push(text),
      () => 30,
      plain,
    )
    view.progress(progress)
    view.event(event)
    view.progress(progress)
    view.end()
    expect(written).toEqual([
      '  Copying volume files · 1/3…',
      '\r\u001b[K',
      '! odd\\x1b[2J name\n',
      '  Copying volume files · 1/3…',
      '\r\u001b[K',
    ])
  })

  it('writes a line per phase to a log, and one every ten seconds within it', () => {
    const written: string[] = []
    let now = 0
    const view = plainProgress(
      text => written.push(text),
      () => now,
      plain,
    )
    for (const [at, phase] of [
      [0, 'one'],
      [200, 'one'],
      [9_999, 'one'],
      [10_000, 'one'],
      [10_200, 'two'],
    ] as const) {
      now = at
      view.progress({ ...progress, phase })
    }
    expect(written.map(line => line.split(' ')[0])).toEqual(['one', 'one', 'two'])
    expect(written.join('')).not.toContain('\u001b')
  })
})
