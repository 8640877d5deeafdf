import { closeSync, openSync, readSync } from 'node:fs'

import { type Examination, Examiner, type ExaminerOptions } from './examiner.ts'

const chunkBytes = 1024 * 1024

export interface ExamineOptions extends ExaminerOptions {
  readonly file: string
}

/** How much of a file is there, while it may still grow. */
export interface Growth {
  /** Resolves with a size above `position`, or with the final size once nothing more comes; rejects to stop. */
  beyond(position: number): Promise<number>
  progress(storedBytes: number, plainBytes: number): void
}

/**
 * Reads a stored file and examines it, while it grows. Reading is synchronous: this runs in a thread
 * of its own, or on files that are small.
 */
export async function examineFile(options: ExamineOptions, growth: Growth): Promise<Examination> {
  const examiner = new Examiner(options)
  const descriptor = openSync(options.file, 'r')
  try {
    const buffers = [
      Buffer.allocUnsafeSlow(chunkBytes),
      Buffer.allocUnsafeSlow(chunkBytes),
    ] as const
    let position = 0
    for (let turn = 0; ; turn += 1) {
      const size = await growth.beyond(position)
      if (size <= position) break
      const buffer = turn % 2 === 0 ? buffers[0] : buffers[1]
      const wanted = Math.min(chunkBytes, size - position)
      const read = readSync(descriptor, buffer, 0, wanted, position)
      // Shorter than it should be: the figures will show it.
      if (read === 0) break
      await examiner.write(buffer.subarray(0, read))
      position += read
      growth.progress(position, examiner.plainBytes)
    }
    return await examiner.finish()
  } catch (error) {
    await examiner.abandon()
    throw error
  } finally {
    closeSync(descriptor)
  }
}
