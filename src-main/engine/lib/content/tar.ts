import { TarParser } from '../tar/tar-parser.ts'
import type { InspectorFactory } from './content.ts'

/** An archive is whole when all headers are sound and the end-of-archive blocks are there. */
export const inspectTar: InspectorFactory = onEntry => {
  const parser = new TarParser({
    onMember: member => {
      onEntry(member.entry)
      return false
    },
  })
  return {
    write: chunk => parser.write(chunk),
    finish: () => {
      const problem = parser.finish()
      return { complete: problem === null, problem, entries: parser.entries }
    },
  }
}
