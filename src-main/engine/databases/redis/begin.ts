import type { DriverContext, DumpSession } from '../database.ts'
import { firstBytes } from '../tools/first-bytes.ts'
import { provenCommand, withProof } from '../tools/proven-command.ts'
import { runTool } from '../tools/run-tool.ts'
import { dumpFile, keyspace, readFacts, WHOLE_SERVER } from './info.ts'
import { findLogin } from './login.ts'
import { save } from './save.ts'

/**
 * Saves, and opens the finished file at once: the server replaces it by renaming, so what is open stays
 * what it was until it is read.
 */
export async function beginRedis(context: DriverContext): Promise<DumpSession> {
  const login = await findLogin(context)
  const { folder, name } = await dumpFile(login)
  const file = `${folder}/${name}`
  const existed = await isThere(context, file)
  const { quiet } = await save(context, login)
  const argv = login.argv(...withProof(['cat', file]))
  const source = await provenCommand(context.place, argv, login.options)
  await firstBytes(source)
  const values = await keyspace(login)
  const size = await runTool(context.place, ['sh', '-c', 'wc -c <"$1"', 'x', file], login.options)
  return {
    artifacts: [
      {
        fileName: `${WHOLE_SERVER}.rdb`,
        database: WHOLE_SERVER,
        content: 'rdb',
        compressed: false,
        estimatedBytes: Number(size.stdout.trim()) || null,
        open: () => Promise.resolve(source),
      },
    ],
    facts: { [WHOLE_SERVER]: await readFacts(login) },
    counts: () => Promise.resolve({ [WHOLE_SERVER]: { values, exact: quiet } }),
    async close() {
      await source.abort()
      // A server that keeps nothing on disk must not find data there at its next start.
      if (!existed)
        await runTool(context.place, ['rm', '-f', file], { signal: AbortSignal.timeout(20_000) })
    },
  }
}

async function isThere(context: DriverContext, file: string): Promise<boolean> {
  const answer = await runTool(context.place, ['sh', '-c', 'test -e "$1"', 'x', file], {
    signal: context.signal,
  })
  return answer.exitCode === 0
}
