import type { ExamineOptions } from './examine-file.ts'
import type { Examination } from './examiner.ts'

/** What the main thread tells an examining thread. One job at a time. */
export type ToWorker =
  | { readonly type: 'examine'; readonly options: ExamineOptions }
  | { readonly type: 'size'; readonly bytes: number; readonly isFinal: boolean }
  | { readonly type: 'cancel' }

/** What an examining thread answers: `done` or `failed` ends the job. */
export type ToMain =
  | { readonly type: 'progress'; readonly storedBytes: number; readonly plainBytes: number }
  | { readonly type: 'done'; readonly result: Examination }
  | { readonly type: 'failed'; readonly message: string; readonly code: string | null }
