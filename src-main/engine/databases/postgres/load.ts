import { AppError } from '../../../contract/errors.ts'
import type { DriverContext, DumpSource } from '../database.ts'
import { feedTool } from '../tools/feed-tool.ts'
import { runTool } from '../tools/run-tool.ts'
import type { PostgresFacts } from './facts.ts'
import { inDatabase, type Login } from './login.ts'
import { withSession } from './session.ts'

const UNTOUCHED = 'The live database is untouched.'

/** Feeds the dump to `pg_restore` or `psql`, stopping at the first error. */
export async function loadDump(
  context: DriverContext,
  login: Login,
  name: string,
  source: DumpSource,
  facts: PostgresFacts,
  hasTablespaces: boolean,
): Promise<void> {
  const artifact = source.artifacts.find(each => each.content === 'pg-custom')
  const plain = source.artifacts.find(
    each => each.content === 'pg-sql' && each.fileName !== 'globals.sql',
  )
  const timescale = facts.extensions.some(each => each.name === 'timescaledb')
  if (timescale) await timescaleMode(context, login, name, 'timescaledb_pre_restore')
  const argv =
    artifact === undefined
      ? [
          'psql',
          '-X',
          '-q',
          '-1',
          '-v',
          'ON_ERROR_STOP=1',
          '-o',
          '/dev/null',
          ...login.flags,
          inDatabase(name),
        ]
      : [
          'pg_restore',
          ...(holdsFewObjects(facts) ? ['--single-transaction'] : []),
          '--exit-on-error',
          ...(hasTablespaces ? [] : ['--no-tablespaces']),
          ...login.flags,
          inDatabase(name),
        ]
  const input = (artifact ?? plain)?.open()
  if (input === undefined) {
    throw new AppError('stream-corrupt', {
      message: `The snapshot holds no dump of the database ${source.database}.`,
      state: UNTOUCHED,
      hint: 'Choose another snapshot.',
    })
  }
  const answer = await feedTool(context.place, login.argv(...argv), input, login.options)
  if (answer.exitCode !== 0) {
    throw new AppError('restore-failed', {
      message: `${argv[0] ?? ''} could not load the database ${source.database} (exit code ${String(answer.exitCode)}).`,
      state: UNTOUCHED,
      hint: 'Look at the details: they name the object that could not be made.',
      details: answer.stderr.slice(-8000),
    })
  }
  if (timescale) await timescaleMode(context, login, name, 'timescaledb_post_restore')
}

/**
 * One transaction holds a lock for each object that it makes, and the server has room for some
 * thousands. Loading without one is as safe here: what is loaded is a copy that is dropped on failure.
 */
function holdsFewObjects(facts: PostgresFacts): boolean {
  return facts.tables + facts.sequences + facts.largeObjects <= 1500
}

/** TimescaleDB's own manual asks for these calls around a restore. */
async function timescaleMode(
  context: DriverContext,
  login: Login,
  name: string,
  call: string,
): Promise<void> {
  await withSession(context, login, name, async session => {
    if (call.endsWith('pre_restore'))
      await session.run('create extension if not exists timescaledb')
    await session.run(`select public.${call}()`)
  })
}

/** Owner, rights, comment and settings of the database itself. */
export async function applySettings(
  context: DriverContext,
  login: Login,
  name: string,
  source: DumpSource,
): Promise<void> {
  const artifact = source.artifacts.find(each => each.fileName.endsWith('.settings.sql'))
  if (artifact === undefined) return
  const chunks: Buffer[] = []
  for await (const chunk of artifact.open() as AsyncIterable<Buffer>) chunks.push(chunk)
  const argv = login.argv(
    'psql',
    '-X',
    '-q',
    '-v',
    'VERBOSITY=terse',
    '-v',
    `db=${name}`,
    ...login.flags,
    inDatabase('template1'),
  )
  const answer = await runTool(context.place, argv, {
    ...login.options,
    stdin: Buffer.concat(chunks),
  })
  const failed = answer.stderr.split('\n').filter(line => /ERROR:/.test(line)).length
  if (answer.exitCode !== 0 || failed > 0) {
    context.warn(
      `${failed} of the database's own settings were not taken over; they are in ${artifact.fileName}.`,
    )
  }
}
