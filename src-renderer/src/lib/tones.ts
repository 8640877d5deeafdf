/** How a state is marked, by shape as well as by colour. */
export type Tone = 'ok' | 'warning' | 'critical' | 'neutral'

/** Of a snapshot, an item of one, and what a restore did with an item. */
export const outcomeTones = {
  complete: 'ok',
  restored: 'ok',
  partial: 'warning',
  'rolled-back': 'warning',
  skipped: 'neutral',
  failed: 'critical',
} as const satisfies Readonly<Record<string, Tone>>

/** Of a job, running or ended. */
export const jobTones = {
  running: 'neutral',
  complete: 'ok',
  partial: 'warning',
  failed: 'critical',
  cancelled: 'warning',
} as const satisfies Readonly<Record<string, Tone>>
