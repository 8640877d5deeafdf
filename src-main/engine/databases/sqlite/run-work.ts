import { Worker } from 'node:worker_threads'

import { interrupted } from '../../lib/interrupted.ts'
import type { Answer } from './sqlite-worker.ts'
import type { Examined, Job } from './work.ts'

const file = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js',
  import.meta.url,
)

/** SQLite's own error, with its extended result code. */
export class SqliteError extends Error {
  readonly errorCode: number | null

  constructor(message: string, errorCode: number | null) {
    super(message)
    this.name = 'SqliteError'
    this.errorCode = errorCode
  }

  /** Says that the file itself is no good: SQLITE_CORRUPT, SQLITE_NOTADB. */
  get meansDamage(): boolean {
    const primary = (this.errorCode ?? 0) & 0xff
    return primary === 11 || primary === 26
  }
}

/** Does a job in a thread of its own. Rejects with `SqliteError`, or `interrupted` when the signal ended it. */
export async function runWork(job: Job, signal: AbortSignal): Promise<Examined | null> {
  signal.throwIfAborted()
  const worker = new Worker(file)
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(interrupted()), { once: true })
  })
  stopped.catch(() => undefined)
  const answered = new Promise<Answer>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the thread for SQLite ended without an answer')))
  })
  answered.catch(() => undefined)
  worker.postMessage(job)
  try {
    const answer = await Promise.race([answered, stopped])
    if (answer.ok) return answer.examined
    throw new SqliteError(answer.message, answer.errorCode)
  } finally {
    await worker.terminate()
  }
}
