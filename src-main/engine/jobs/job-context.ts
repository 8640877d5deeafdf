import type { JobKind, JobStage } from '../../contract/model.ts'

/** What a running job hands down to the stages: cancelling and telling. */
export interface JobContext {
  readonly jobId: string
  readonly kind: JobKind
  readonly signal: AbortSignal
  /** Says what is being done now. `safety`: what killing the program now would leave. */
  phase(stage: JobStage, phase: string, item?: string | null, safety?: string): void
  /** Totals, as soon as they are known. */
  expect(totals: { readonly bytes: number | null; readonly items: number }): void
  /** Source bytes that arrived since the last call. */
  advance(bytes: number): void
  itemDone(): void
  /** A line for the log of the job. */
  note(level: 'info' | 'warning' | 'error', message: string): void
}
