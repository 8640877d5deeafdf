import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { InvalidArgumentError } from 'commander'

import { readPages } from '../../serve/pages.ts'
import { startServer } from '../../serve/server.ts'
import type { Session } from '../session.ts'
import type { RegisterCommand } from './command.ts'

interface ServeFlags {
  readonly port?: number
}

export const registerServe: RegisterCommand = (program, run) => {
  program
    .command('serve')
    .option('--port <number>', 'port on 127.0.0.1; any free one when left out', portNumber)
    .summary('the app in a browser of this computer')
    .addHelpText('before', 'Examples:\n  lifeboat serve\n  lifeboat serve --port 8765\n')
    .action((flags: ServeFlags) => run(session => serve(session, flags)))
}

async function serve(session: Session, flags: ServeFlags): Promise<number> {
  const { terminal, signals } = session
  const pages = await readPages(pagesFolder())
  const server = await startServer(await session.client(), pages, flags.port ?? 0)
  const stopped = new Promise<void>(resolve => {
    signals.on('SIGINT', () => resolve())
    signals.on('SIGTERM', () => resolve())
  })
  const { url, port } = server
  terminal.result({ url, port }, () => `Open this in a browser, once:\n\n  ${url}\n`)
  terminal.say(
    'From another computer: ssh -L ' +
      `${port}:127.0.0.1:${port} THIS-COMPUTER, then the same link there. Ctrl-C ends it.`,
  )
  await stopped
  terminal.say('Ending: running jobs put everything right first.')
  await server.close()
  return 0
}

/** The built pages, seen from the built command and from the sources. */
function pagesFolder(): string {
  const besideTheCommand = fileURLToPath(new URL('../renderer/', import.meta.url))
  const fromSources = fileURLToPath(new URL('../../../out/renderer/', import.meta.url))
  return existsSync(besideTheCommand) ? besideTheCommand : fromSources
}

function portNumber(value: string): number {
  const port = Number(value)
  if (!/^\d{1,5}$/.test(value) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('It must be a number from 1 to 65535.')
  }
  return port
}
