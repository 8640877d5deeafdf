import { randomBytes, randomInt } from 'node:crypto'

import { AppError } from '../../../contract/errors.ts'
import type { WireBlocker } from '../../../contract/model.ts'
import type { DriverContext, DumpSource, StagedDatabase } from '../database.ts'
import { feedTool } from '../tools/feed-tool.ts'
import { runTool } from '../tools/run-tool.ts'
import { dumpFile, info, readFacts, setting, storedFacts } from './info.ts'
import { findLogin, type Login } from './login.ts'
import { startSideServer, takeOver } from './replica.ts'
import { save } from './save.ts'

/** What a later process needs to go back. */
interface Switching {
  /** Folder of this restore, in the server's own data folder. */
  readonly folder: string
  readonly port: number
}

const STAGED = 'staged.rdb'
const BEFORE = 'before.rdb'

function toJournal({ folder, port }: Switching): Readonly<Record<string, string>> {
  return { folder, port: String(port) }
}

export function fromJournal(journal: Readonly<Record<string, string>>): Switching {
  const { folder = '', port = '' } = journal
  if (!/\/\.lifeboat-[0-9a-f]{8}$/.test(folder) || !/^\d+$/.test(port))
    throw new Error('the journal is not readable')
  return { folder, port: Number(port) }
}

/** Why this server cannot take the data, found without changing anything. */
export async function redisBlockers(
  context: DriverContext,
  source: Pick<DumpSource, 'facts'>,
): Promise<readonly WireBlocker[]> {
  const facts = storedFacts(source.facts)
  const login = await findLogin(context)
  const here = await readFacts(login)
  const blockers: WireBlocker[] = []
  const major = (version: string): number => Number.parseInt(version, 10)
  if (here.flavor === facts.flavor && major(here.serverVersion) < major(facts.serverVersion)) {
    blockers.push({
      code: 'version-mismatch',
      message: `The data is from ${facts.flavor} ${facts.serverVersion}, the server here is the older ${here.serverVersion}.`,
      hint: 'Run the version that the stack used when it was backed up, or a newer one.',
    })
  }
  if (login.server === null) {
    blockers.push({
      code: 'tool-missing',
      message: 'There is no redis-server program in the container to load the data with.',
      hint: 'Use the image that the stack used when it was backed up.',
    })
  }
  const replication = await info(login, 'replication')
  if (replication.get('role') !== 'master') {
    blockers.push({
      code: 'not-supported',
      message: 'The server is a replica of another one.',
      hint: 'Restore into the server that it follows.',
    })
  }
  const masterPassword = await setting(login, 'masterauth')
  if (masterPassword !== null && masterPassword !== '') {
    blockers.push({
      code: 'not-supported',
      message:
        'The server has a password for following another one (masterauth); data is loaded by following a server without one.',
      hint: 'Take it away for the restore: CONFIG SET masterauth "".',
    })
  }
  const cluster = await info(login, 'cluster')
  if (cluster.get('cluster_enabled') === '1') {
    blockers.push({
      code: 'not-supported',
      message: 'The server is a member of a cluster.',
      hint: 'Restore its volume instead.',
    })
  }
  return blockers
}

async function inContainer(
  context: DriverContext,
  script: string,
  ...words: readonly string[]
): Promise<string> {
  const answer = await runTool(context.place, ['sh', '-c', script, 'lifeboat-redis', ...words], {
    signal: context.signal,
  })
  if (answer.exitCode === 0) return answer.stdout.trim()
  throw new AppError('restore-failed', {
    message: `The data folder in ${context.place.description} could not be written to.`,
    state: 'The live data is untouched.',
    hint: 'Look whether there is room on the disk.',
    details: answer.stderr.slice(-2000),
  })
}

/** Loads the data into a second server beside the live one. */
export async function stageRedis(
  context: DriverContext,
  source: DumpSource,
  remember: (journal: Readonly<Record<string, string>>) => Promise<void>,
): Promise<StagedDatabase> {
  const [blocker] = await redisBlockers(context, source)
  if (blocker !== undefined) {
    throw new AppError(blocker.code as 'version-mismatch', {
      ...blocker,
      state: 'The live data is untouched.',
    })
  }
  const login = await findLogin(context)
  const artifact = source.artifacts.find(each => each.content === 'rdb')
  if (artifact === undefined) {
    throw new AppError('stream-corrupt', {
      message: 'The snapshot holds no data of this Redis server.',
      state: 'The live data is untouched.',
      hint: 'Choose another snapshot.',
    })
  }
  const { folder: data } = await dumpFile(login)
  const switching = {
    folder: `${data}/.lifeboat-${randomBytes(4).toString('hex')}`,
    port: randomInt(20_000, 30_000),
  }
  await remember(toJournal(switching))
  try {
    const write = [
      'sh',
      '-c',
      'umask 077; mkdir -p "$1" && cat >"$1/$2"',
      'lifeboat-redis',
      switching.folder,
      STAGED,
    ]
    const answer = await feedTool(context.place, write, artifact.open(), { signal: context.signal })
    if (answer.exitCode !== 0) {
      throw new AppError('restore-failed', {
        message: 'The data could not be written beside the live data.',
        state: 'The live data is untouched.',
        hint: 'Look whether there is room on the disk.',
        details: answer.stderr.slice(-2000),
      })
    }
    // Loaded once for the proof and the counts; the file is loaded again when it is switched.
    const side = await startSideServer(context, login, switching.folder, STAGED, switching.port)
    await side.stop()
    return {
      counts: { values: side.keys, exact: true },
      warnings: [],
      journal: toJournal(switching),
      activate: () => activate(context, login, switching),
      async revert() {
        await revert(context, login, switching)
      },
      async finalize() {
        await finalize(context, login, switching)
      },
      async discard() {
        await discard(context, login, switching)
      },
    }
  } catch (error) {
    const calm = { ...context, signal: AbortSignal.timeout(60_000) }
    // What cannot be cleaned up now is in the journal, which the next start works off.
    await inContainer(calm, 'rm -rf "$1"', switching.folder).catch(() => undefined)
    throw error
  }
}

async function activate(context: DriverContext, login: Login, switching: Switching): Promise<void> {
  const { folder, name } = await dumpFile(login)
  const kept = await inContainer(
    context,
    'test -e "$1" && echo yes || echo no',
    `${switching.folder}/${BEFORE}`,
  )
  if (kept === 'no') {
    await save(context, login)
    await inContainer(
      context,
      'cp "$1" "$2.part" && sync "$2.part" 2>/dev/null; mv "$2.part" "$2"',
      `${folder}/${name}`,
      `${switching.folder}/${BEFORE}`,
    )
  }
  await load(context, login, switching, STAGED)
}

async function load(
  context: DriverContext,
  login: Login,
  switching: Switching,
  fileName: string,
): Promise<void> {
  const side = await startSideServer(context, login, switching.folder, fileName, switching.port)
  try {
    await takeOver(context, login, side)
  } finally {
    await side.stop()
  }
}

/** Brings the former data back, when it was replaced at all. */
export async function revert(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<string> {
  await endLeftovers(context, login, switching)
  const kept = await inContainer(
    context,
    'test -e "$1" && echo yes || echo no',
    `${switching.folder}/${BEFORE}`,
  )
  if (kept === 'no') return 'the data was not switched'
  await load(context, login, switching, BEFORE)
  return 'the former data is back'
}

/** Ends what a run that died may have left: a side server, and a live server that still follows it. */
async function endLeftovers(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<void> {
  const state = await info(login, 'replication')
  if (
    state.get('master_host') === '127.0.0.1' &&
    state.get('master_port') === String(switching.port)
  ) {
    await login.ask('REPLICAOF', 'NO', 'ONE')
  }
  await runTool(
    context.place,
    [
      'sh',
      '-c',
      'unset REDISCLI_AUTH; exec "$@"',
      'x',
      login.client,
      '-p',
      String(switching.port),
      'SHUTDOWN',
      'NOSAVE',
    ],
    {
      signal: context.signal,
    },
  )
}

/** Removes the former data. */
export async function finalize(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<string> {
  await endLeftovers(context, login, switching)
  await inContainer(context, 'rm -rf "$1"', switching.folder)
  return 'the former data was removed'
}

/** Brings the former data back if need be and removes what was staged. */
export async function discard(
  context: DriverContext,
  login: Login,
  switching: Switching,
): Promise<string> {
  const done = await revert(context, login, switching)
  await inContainer(context, 'rm -rf "$1"', switching.folder)
  return done
}
