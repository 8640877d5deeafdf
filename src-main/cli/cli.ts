import { runProgram } from './program.ts'

// A reader that has seen enough (`lifeboat snapshots | head`) is no failure, and must not end a backup that
// runs: what nobody reads any more is dropped.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

process.exitCode = await runProgram(process.argv.slice(2))
