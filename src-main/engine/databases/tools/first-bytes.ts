import type { ProvenStream } from '../../lib/proven-stream.ts'

/** Waits until the first bytes of a dump are there, or its end, or its failure; never rejects. */
export async function firstBytes({ stream, proof }: ProvenStream): Promise<void> {
  if (stream.readableLength > 0) return
  await new Promise<void>(resolve => {
    stream.once('readable', resolve)
    stream.once('error', () => resolve())
    void proof.then(() => resolve())
  })
}
