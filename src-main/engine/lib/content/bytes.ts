import type { InspectorFactory } from './content.ts'

/** Bytes of no known format: nothing in them tells where they end; the source's proof alone does. */
export const inspectBytes: InspectorFactory = () => ({
  write: () => undefined,
  finish: () => ({ complete: true, problem: null, entries: null }),
})
