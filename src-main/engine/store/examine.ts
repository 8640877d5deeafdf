import { Worker } from 'node:worker_threads'

import { examineFile, type ExamineOptions } from './examine-file.ts'
import type { ToMain, ToWorker } from './examine-messages.ts'
import type { Examination } from './examiner.ts'

/** The thread's file lies beside this one, in the sources and in the build alike. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './examine-worker.ts' : './examine-worker.js',
  import.meta.url,
)

const threadLimit = 4
const idle: Worker[] = []
const waiting: (() => void)[] = []
let threads = 0

/** An examination that goes on in a thread while the file is written. */
export interface RunningExamination {
  /** Tells how much of the file is there now. */
  grown(bytes: number): void
  /** Tells the final size and waits for the result; rejects with an error of the file system. */
  finish(bytes: number): Promise<Examination>
  /** Stops and waits until the thread has let go of the file. */
  cancel(): Promise<void>
}

async function takeWorker(): Promise<Worker> {
  const free = idle.pop()
  if (free) return free
  if (threads >= threadLimit) {
    await new Promise<void>(resolve => waiting.push(resolve))
    return takeWorker()
  }
  threads += 1
  const worker = new Worker(workerFile)
  worker.on('exit', () => {
    threads -= 1
    const at = idle.indexOf(worker)
    if (at !== -1) idle.splice(at, 1)
    waiting.shift()?.()
  })
  // A thread that fails between two jobs has nothing to report; one that fails in a job is heard there.
  worker.on('error', () => undefined)
  return worker
}

function giveBack(worker: Worker): void {
  // An idle thread must not keep the program alive.
  worker.unref()
  idle.push(worker)
  waiting.shift()?.()
}

function systemError(message: string, code: string | null): Error {
  return code === null ? new Error(message) : Object.assign(new Error(message), { code })
}

async function runIn(
  worker: Worker,
  options: ExamineOptions,
  onProgress: (storedBytes: number, plainBytes: number) => void,
): Promise<Examination> {
  worker.ref()
  return await new Promise<Examination>((resolve, reject) => {
    const end = (isAlive: boolean): void => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
      if (isAlive) giveBack(worker)
    }
    const onMessage = (message: ToMain): void => {
      if (message.type === 'progress') return onProgress(message.storedBytes, message.plainBytes)
      end(true)
      if (message.type === 'done') resolve(message.result)
      else reject(systemError(message.message, message.code))
    }
    const onError = (error: unknown): void => {
      end(false)
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    const onExit = (): void => onError(new Error('The thread that reads back has ended'))
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    worker.postMessage({ type: 'examine', options } satisfies ToWorker)
  })
}

/** Starts to examine a file that is being written, in a thread of its own. */
export function startExamination(
  options: ExamineOptions,
  onProgress: (storedBytes: number, plainBytes: number) => void,
): RunningExamination {
  let worker: Worker | null = null
  let size: ToWorker = { type: 'size', bytes: 0, isFinal: false }
  const stop = new AbortController()

  const result = (async () => {
    const taken = await takeWorker()
    if (stop.signal.aborted) {
      giveBack(taken)
      throw new Error('cancelled')
    }
    worker = taken
    const running = runIn(taken, options, onProgress)
    taken.postMessage(size)
    return await running.finally(() => {
      worker = null
    })
  })()
  result.catch(() => undefined)

  function tell(bytes: number, isFinal: boolean): void {
    size = { type: 'size', bytes, isFinal }
    worker?.postMessage(size)
  }

  return {
    grown: bytes => tell(bytes, false),
    finish: async bytes => {
      tell(bytes, true)
      return await result
    },
    cancel: async () => {
      stop.abort()
      worker?.postMessage({ type: 'cancel' } satisfies ToWorker)
      await result.catch(() => undefined)
    },
  }
}

/** Examines a whole file: small ones here, others in a thread. */
export async function examineWhole(
  options: ExamineOptions,
  bytes: number,
  onProgress: (storedBytes: number, plainBytes: number) => void,
  signal: AbortSignal,
): Promise<Examination> {
  signal.throwIfAborted()
  if (bytes <= smallFile) {
    return await examineFile(options, {
      beyond: () => Promise.resolve(bytes),
      progress: onProgress,
    })
  }
  const running = startExamination(options, onProgress)
  const stop = (): void => void running.cancel()
  signal.addEventListener('abort', stop)
  try {
    return await running.finish(bytes)
  } finally {
    signal.removeEventListener('abort', stop)
    signal.throwIfAborted()
  }
}

/** Up to this size a file is examined without a thread. */
export const smallFile = 1024 * 1024
