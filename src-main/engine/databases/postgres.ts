import type { DatabaseEngine } from './database.ts'
import { beginPostgres } from './postgres/begin.ts'
import { detectPostgres } from './postgres/detect.ts'
import { countPostgres, examinePostgres } from './postgres/examine.ts'
import { guidePostgres } from './postgres/guide.ts'
import { findLogin } from './postgres/login.ts'
import { readyPostgres } from './postgres/ready.ts'
import { postgresBlockers, stagePostgres } from './postgres/stage.ts'
import { discard, finalize, fromJournal, revert } from './postgres/switch.ts'

/** PostgreSQL 11 and later, with the client programs of its own container. */
export const postgres: DatabaseEngine = {
  id: 'postgres',
  label: 'PostgreSQL',
  options: [
    {
      name: 'format',
      type: 'choice',
      label: 'Format of the dump',
      help: 'The custom format is compressed and restores single tables; plain SQL can be read by people.',
      default: 'custom',
      choices: [
        { value: 'custom', label: 'Custom (pg_restore)' },
        { value: 'plain', label: 'Plain SQL (psql)' },
      ],
    },
    {
      name: 'user',
      type: 'text',
      label: 'User',
      help: 'Left empty: the user of the container’s own variables, then postgres.',
      advanced: true,
    },
    {
      name: 'password',
      type: 'secret',
      label: 'Password',
      help: 'Left empty: the local socket, then the password of the container’s own variables.',
      advanced: true,
    },
    {
      name: 'port',
      type: 'number',
      label: 'Port',
      help: 'Left empty: the port on which the server in the container listens.',
      advanced: true,
    },
  ],
  detect: detectPostgres,
  examine: examinePostgres,
  begin: beginPostgres,
  blockers: postgresBlockers,
  stage: stagePostgres,
  async recover(context, journal, action) {
    const login = await findLogin(context)
    const act = { revert, discard, finalize }[action]
    return act(context, login, fromJournal(journal))
  },
  ready: readyPostgres,
  count: countPostgres,
  restoreGuide: guidePostgres,
}
