import { parentPort } from 'node:worker_threads'

import { type Examined, type Job, work } from './work.ts'

/** What the thread answers. */
export type Answer =
  | { readonly ok: true; readonly examined: Examined | null }
  | { readonly ok: false; readonly message: string; readonly errorCode: number | null }

/** A thread of its own: SQLite's checks block the thread that they run in, for minutes with a large file. */
parentPort?.once('message', (job: Job) => {
  const answer = (message: Answer): void => parentPort?.postMessage(message)
  work(job).then(
    examined => answer({ ok: true, examined }),
    (error: unknown) => {
      const { errcode } = error as { errcode?: unknown }
      answer({
        ok: false,
        message: error instanceof Error ? error.message : String(error),
        errorCode: typeof errcode === 'number' ? errcode : null,
      })
    },
  )
})
