import type { DatabaseEngine } from '../database.ts'
import { beginMysql } from './begin.ts'
import { detectMysql, type Flavor } from './detect.ts'
import { countMysql, examineMysql, readyMysql } from './examine.ts'
import { storedFacts } from './facts.ts'
import { guideMysql } from './guide.ts'
import { findLogin } from './login.ts'
import { withSession } from './session.ts'
import { findBlockers, stageMysql } from './stage.ts'
import { discard, finalize, fromJournal, revert } from './switch.ts'

/** The driver of one flavour; the two differ in names and in a few flags. */
export function mysqlEngine(flavor: Flavor, label: string): DatabaseEngine {
  return {
    id: flavor,
    label,
    options: [
      {
        name: 'user',
        type: 'text',
        label: 'User',
        help: 'Left empty: root, then the user of the container’s own variables.',
        advanced: true,
      },
      {
        name: 'password',
        type: 'secret',
        label: 'Password',
        help: 'Left empty: the password of the container’s own variables.',
        advanced: true,
      },
      {
        name: 'port',
        type: 'number',
        label: 'Port',
        help: 'Left empty: the server’s socket, then its usual port.',
        advanced: true,
      },
    ],
    detect: container => detectMysql(container, flavor),
    examine: context => examineMysql(context, flavor),
    begin: (context, databases) => beginMysql(context, databases, flavor),
    async blockers(context, source) {
      const facts = storedFacts(source.facts)
      const login = await findLogin(context, flavor)
      return withSession(context, login, session => findBlockers(session, login, facts))
    },
    stage: (context, source, remember) => stageMysql(context, source, remember, flavor),
    async recover(context, journal, action) {
      const login = await findLogin(context, flavor)
      const act = { revert, discard, finalize }[action]
      return withSession(context, login, session => act(session, fromJournal(journal)))
    },
    ready: (context, timeoutMs) => readyMysql(context, timeoutMs, flavor),
    count: (context, database) => countMysql(context, database, flavor),
    restoreGuide: input => guideMysql(input, flavor),
  }
}
