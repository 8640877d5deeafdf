import { setTimeout as delay } from 'node:timers/promises'

import { AppError } from '../../../contract/errors.ts'
import type { RunningCommand } from '../../lib/command.ts'
import type { DriverContext } from '../database.ts'
import { info, parseKeyspace } from './info.ts'
import { askServer, type Login } from './login.ts'
import { save } from './save.ts'

const POLL_MS = 200
const LIMIT_MS = 1_800_000

/** A second server in the container, with the data of one file; reachable in the container alone. */
export interface SideServer {
  readonly port: number
  readonly keys: Readonly<Record<string, number>>
  /** How often it has handed out all its data. */
  transfers(): Promise<number>
  stop(): Promise<void>
}

function failed(details: string, state = 'The live data is untouched.'): AppError {
  return new AppError('restore-failed', {
    message: 'The saved data could not be loaded into a Redis server.',
    state,
    hint: 'Look at the details; they are the server’s own words.',
    details: details.slice(-4000),
  })
}

/** What the live server has loaded beyond itself: without the same, a file with their types is not readable. */
async function modulesOf(login: Login): Promise<readonly string[]> {
  const words = (await login.ask('MODULE', 'LIST').catch(() => '')).split('\n')
  return words.flatMap((word, index) =>
    words[index - 1] === 'path' && word.startsWith('/') ? ['--loadmodule', word] : [],
  )
}

/** Starts the side server and waits until it has read its file. It never writes one. */
export async function startSideServer(
  context: DriverContext,
  login: Login,
  folder: string,
  fileName: string,
  port: number,
): Promise<SideServer> {
  const argv = [
    login.server ?? 'redis-server',
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--dbfilename',
    fileName,
    '--save',
    '',
    '--appendonly',
    'no',
    '--daemonize',
    'no',
    // It waits some seconds for further replicas otherwise.
    '--repl-diskless-sync-delay',
    '0',
    '--protected-mode',
    'no',
    ...(await modulesOf(login)),
  ]
  const running = await context.place.start(argv, { signal: context.signal })
  let output = ''
  const state = { over: false }
  running.stdout.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-8000)
  })
  running.stdout.on('error', () => {
    // Told by the command's result.
  })
  void running.result
    .catch(() => undefined)
    .then(() => {
      state.over = true
    })
  // The side server has no password; a client that comes with one would be turned away.
  const bare: Pick<Login, 'argv' | 'options'> = {
    argv: (...tool) => ['sh', '-c', 'unset REDISCLI_AUTH; exec "$@"', 'lifeboat-redis', ...tool],
    options: { signal: context.signal },
  }
  const ask = (...command: readonly string[]): Promise<string> =>
    askServer(context, bare, [login.client, '-p', String(port), ...command])
  const deadline = performance.now() + LIMIT_MS
  try {
    for (;;) {
      if (state.over) throw failed(output)
      const text = await ask('INFO').catch(() => '')
      if (/^loading:0/m.test(text)) {
        const section = new Map(
          text
            .split('\n')
            .map(line => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1)] as const),
        )
        return {
          port,
          keys: parseKeyspace(section),
          async transfers() {
            return Number(/^sync_full:(\d+)/m.exec(await ask('INFO', 'stats'))?.[1] ?? 0)
          },
          stop: () => stop(running, ask),
        }
      }
      if (performance.now() > deadline) throw failed(output)
      await delay(POLL_MS, undefined, { signal: context.signal })
    }
  } catch (error) {
    await running.kill()
    throw error
  }
}

async function stop(
  running: RunningCommand,
  ask: (...command: readonly string[]) => Promise<string>,
): Promise<void> {
  await ask('SHUTDOWN', 'NOSAVE').catch(() => undefined)
  await running.kill()
}

/**
 * Gives the live server the side server's data: it follows it as a replica until it has everything, and
 * is then on its own again. To its clients the data changes in one moment; its own files follow.
 */
export async function takeOver(
  context: DriverContext,
  login: Login,
  side: SideServer,
): Promise<void> {
  const port = String(side.port)
  await login.ask('REPLICAOF', '127.0.0.1', port)
  try {
    const deadline = performance.now() + LIMIT_MS
    for (;;) {
      const state = await info(login, 'replication')
      if (state.get('master_link_status') === 'up' && state.get('master_sync_in_progress') === '0')
        break
      // It tries again for ever by itself; a third time will not go better.
      if ((await side.transfers()) > 3 || performance.now() > deadline) {
        throw failed(
          `The data did not arrive: ${[...state].map(each => each.join('=')).join(' ')}`,
          'The live data may be gone; the former data is kept beside it and comes back with the roll-back.',
        )
      }
      await delay(POLL_MS, undefined, { signal: context.signal })
    }
  } finally {
    // With whatever it holds then: `revert` loads what it held before.
    await login.ask('REPLICAOF', 'NO', 'ONE')
  }
  // What it read lies in its memory alone; a restart would bring the old file back.
  await save(context, login)
}
