import { setTimeout as delay } from 'node:timers/promises'

import { AppError } from '../../contract/errors.ts'
import type { DatabaseEngine, DriverContext } from './database.ts'
import { beginRedis } from './redis/begin.ts'
import { detectRedis } from './redis/detect.ts'
import { guideRedis } from './redis/guide.ts'
import { countKeys, dumpFile, info, readFacts, WHOLE_SERVER } from './redis/info.ts'
import { findLogin } from './redis/login.ts'
import { discard, finalize, fromJournal, redisBlockers, revert, stageRedis } from './redis/stage.ts'

/** Redis 5 and later and Valkey, with the programs of their own container. */
export const redis: DatabaseEngine = {
  id: 'redis',
  label: 'Redis / Valkey',
  options: [
    {
      name: 'user',
      type: 'text',
      label: 'ACL user',
      help: 'Left empty: the default user.',
      advanced: true,
    },
    {
      name: 'password',
      type: 'secret',
      label: 'Password',
      help: 'Left empty: the password of the container’s command, variables or configuration.',
      advanced: true,
    },
    {
      name: 'port',
      type: 'number',
      label: 'Port',
      help: 'Left empty: the port of the container’s command, then 6379.',
      advanced: true,
    },
  ],
  detect: detectRedis,
  async examine(context) {
    const login = await findLogin(context)
    const facts = await readFacts(login)
    const memory = await info(login, 'memory')
    const { folder } = await dumpFile(login)
    return {
      version: facts.serverVersion,
      databases: [
        {
          name: WHOLE_SERVER,
          sizeBytes: Number(memory.get('used_memory')) || null,
          criticality: 'replayable',
          system: false,
        },
      ],
      dataDirectory: folder,
      findings: [],
      credentialSource: login.credentialSource,
    }
  },
  begin: beginRedis,
  blockers: redisBlockers,
  stage: stageRedis,
  async recover(context, journal, action) {
    const login = await findLogin(context)
    return { revert, discard, finalize }[action](context, login, fromJournal(journal))
  },
  ready: readyRedis,
  async count(context) {
    return countKeys(await findLogin(context))
  },
  restoreGuide: guideRedis,
}

async function readyRedis(context: DriverContext, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    context.signal.throwIfAborted()
    try {
      const login = await findLogin(context)
      if ((await info(login, 'persistence')).get('loading') === '0') return
    } catch (error) {
      if (error instanceof AppError && error.code === 'tool-missing') throw error
    }
    if (performance.now() > deadline) {
      throw new AppError('health-failed', {
        message: `The Redis server in ${context.place.description} did not answer within ${Math.round(timeoutMs / 1000)} s.`,
        state: 'The container runs, its server does not answer.',
        hint: 'Look into the container’s log.',
      })
    }
    await delay(500, undefined, { signal: context.signal })
  }
}
