import type { JobEvent, JobProgress } from '../../contract/model.ts'
import { clip } from './display-width.ts'
import { formatBytes, formatDuration } from './format.ts'
import { safeText } from './safe-text.ts'
import type { Style } from './style.ts'

/** Shows a job's progress to a person. */
export interface ProgressView {
  progress(progress: JobProgress): void
  event(event: JobEvent): void
  /** Ends the view so that what follows starts on a fresh line. */
  end(): void
}

/** One line of words for a progress report. */
export function progressText(progress: JobProgress): string {
  const parts = [safeText(progress.phase)]
  if (progress.itemsTotal > 0) {
    parts.push(`${String(progress.itemsDone)}/${String(progress.itemsTotal)}`)
  }
  if (progress.bytesDone > 0) {
    const total = progress.bytesTotal === null ? '' : ` of ${formatBytes(progress.bytesTotal)}`
    parts.push(`${formatBytes(progress.bytesDone)}${total}`)
  }
  if (progress.stalledMs >= 30_000) {
    parts.push(`no data for ${formatDuration(progress.stalledMs)}, still connected`)
  } else if (progress.bytesPerSecond > 0) {
    parts.push(`${formatBytes(progress.bytesPerSecond)}/s`)
  }
  if (progress.etaMs !== null && progress.etaMs >= 1000) {
    parts.push(`about ${formatDuration(progress.etaMs)} left`)
  }
  return parts.join(' · ')
}

/** On a terminal: one line that is written over. */
export function terminalProgress(
  write: (text: string) => void,
  columns: () => number,
  style: Style,
): ProgressView {
  let shown = false
  function clear(): void {
    if (shown) write('\r\u001b[K')
    shown = false
  }
  return {
    progress(progress) {
      clear()
      write(style.dim(clip(`  ${progressText(progress)}`, Math.max(columns() - 1, 20))))
      shown = true
    },
    event(event) {
      clear()
      write(`${eventText(event, style)}\n`)
    },
    end: clear,
  }
}

/** Without a terminal: a line per phase, and one every ten seconds within it. */
export function plainProgress(
  write: (text: string) => void,
  now: () => number,
  style: Style,
): ProgressView {
  let lastPhase = ''
  let lastAt = Number.NEGATIVE_INFINITY
  return {
    progress(progress) {
      if (progress.phase === lastPhase && now() - lastAt < 10_000) return
      lastPhase = progress.phase
      lastAt = now()
      write(`${progressText(progress)}\n`)
    },
    event(event) {
      write(`${eventText(event, style)}\n`)
    },
    end() {
      lastPhase = ''
    },
  }
}

function eventText(event: JobEvent, style: Style): string {
  const text = safeText(event.message)
  if (event.level === 'warning') return style.warn(`! ${text}`)
  if (event.level === 'error') return style.bad(`✗ ${text}`)
  return `  ${text}`
}

/** For people who want silence. */
export const silentProgress: ProgressView = {
  progress: () => undefined,
  event: () => undefined,
  end: () => undefined,
}
