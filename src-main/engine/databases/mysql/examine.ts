import { setTimeout as delay } from 'node:timers/promises'

import { AppError } from '../../../contract/errors.ts'
import type { Finding } from '../../../contract/model.ts'
import type { Counts, DriverContext, ServerFacts } from '../database.ts'
import { countTables } from './counting.ts'
import type { Flavor } from './detect.ts'
import { serverVersion } from './facts.ts'
import { findLogin } from './login.ts'
import { withSession } from './session.ts'

const system = /^(mysql|information_schema|performance_schema|sys)$/i
// Left by a restore that is not finished or not confirmed yet.
const ours = /__(lifeboat|before)_[0-9a-f]{8}$/

/** Logs in and looks; changes nothing. */
export async function examineMysql(context: DriverContext, flavor: Flavor): Promise<ServerFacts> {
  const login = await findLogin(context, flavor)
  return withSession(context, login, async session => {
    const rows = await session.rows(
      `select s.schema_name, coalesce(sum(t.data_length + t.index_length), 0)
         from information_schema.schemata s left join information_schema.tables t on t.table_schema = s.schema_name
        group by s.schema_name order by 1`,
    )
    const names = rows.map(([name = '', size = '0']) => ({ name, sizeBytes: Number(size) }))
    return {
      version: await serverVersion(session),
      databases: names.map(each => ({
        ...each,
        criticality: 'critical' as const,
        system: system.test(each.name) || ours.test(each.name),
      })),
      dataDirectory: (await session.run('select @@datadir')).replace(/(.)\/$/, '$1'),
      findings: names
        .filter(each => ours.test(each.name))
        .map(each => leftover(each.name, context)),
      credentialSource: login.credentialSource,
    }
  })
}

function leftover(name: string, context: DriverContext): Finding {
  return {
    code: 'restore-leftover',
    severity: 'warning',
    item: null,
    message: `The server in ${context.place.description} holds ${name}, which a restore put aside.`,
    hint: 'It is removed when the restore is confirmed or its time for undo is over.',
  }
}

/** Counts every table of one database, in one moment. */
export async function countMysql(
  context: DriverContext,
  database: string,
  flavor: Flavor,
): Promise<Counts> {
  const login = await findLogin(context, flavor)
  return withSession(context, login, async session => {
    await session.run('start transaction with consistent snapshot')
    return countTables(session, login, database, context.countBudgetMs)
  })
}

/**
 * Waits until the server answers for good. On the first start with an empty folder the image runs a
 * server of its own for the set-up, without a network; that one does not count.
 */
export async function readyMysql(
  context: DriverContext,
  timeoutMs: number,
  flavor: Flavor,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  const meant = context.container.command.some(word => /skip[-_]networking/.test(word))
  for (;;) {
    context.signal.throwIfAborted()
    let last: unknown = null
    try {
      const login = await findLogin(context, flavor)
      const alone = await withSession(context, login, session =>
        session.run('select @@skip_networking'),
      )
      if (alone === '0' || meant) return
    } catch (error) {
      if (error instanceof AppError && error.code === 'tool-missing') throw error
      last = error
    }
    if (performance.now() > deadline) {
      throw new AppError(
        'health-failed',
        {
          message: `The database server in ${context.place.description} did not answer within ${Math.round(timeoutMs / 1000)} s.`,
          state: 'The container runs, its server does not answer.',
          hint: 'Look into the container’s log.',
          ...(last instanceof AppError && last.details !== undefined
            ? { details: last.details }
            : {}),
        },
        last,
      )
    }
    await delay(500, undefined, { signal: context.signal })
  }
}
