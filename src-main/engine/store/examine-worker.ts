import { parentPort } from 'node:worker_threads'

import { codeOf } from '../lib/durable.ts'
import { examineFile } from './examine-file.ts'
import type { ToMain, ToWorker } from './examine-messages.ts'

/** The thread beside the stream: reads back and proves what the main thread has just written. */
function listen(port: NonNullable<typeof parentPort>): void {
  let size = 0
  let isFinal = false
  let cancelled = false
  let wake: (() => void) | null = null
  const send = (message: ToMain): void => port.postMessage(message)

  async function beyond(position: number): Promise<number> {
    while (size <= position && !isFinal && !cancelled) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    if (cancelled) throw new Error('cancelled')
    return size
  }

  async function run(message: Extract<ToWorker, { type: 'examine' }>): Promise<void> {
    const progress = (storedBytes: number, plainBytes: number): void =>
      send({ type: 'progress', storedBytes, plainBytes })
    try {
      const result = await examineFile(message.options, { beyond, progress })
      send({ type: 'done', result })
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      send({ type: 'failed', message: text, code: codeOf(error) })
    }
  }

  port.on('message', (message: ToWorker) => {
    if (message.type === 'examine') {
      size = 0
      isFinal = false
      cancelled = false
      void run(message)
    } else if (message.type === 'size') {
      size = message.bytes
      isFinal = message.isFinal
    } else {
      cancelled = true
    }
    wake?.()
  })
}

if (parentPort) listen(parentPort)
