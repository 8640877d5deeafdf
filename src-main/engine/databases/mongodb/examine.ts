import type { Finding } from '../../../contract/model.ts'
import type { Counts, DriverContext, ServerFacts } from '../database.ts'
import { listCollections } from './collections.ts'
import type { Connection } from './connection.ts'
import { countCollections } from './counting.ts'
import { serverState } from './facts.ts'
import { findLogin, withConnection } from './login.ts'
import { isOurs, isSystemDatabase } from './names.ts'
import { numberField, plain, rawDocument, rawFields, textField } from './raw-bson.ts'

/** A database and its size on disk. */
export interface DatabaseInfo {
  readonly name: string
  readonly sizeBytes: number | null
}

export async function listDatabases(connection: Connection): Promise<readonly DatabaseInfo[]> {
  const answer = await connection.run('admin', { listDatabases: 1 })
  const list = rawDocument(answer, 'databases')
  if (list === null) return []
  return [...rawFields(list)]
    .map(({ value }) => ({
      name: textField(value, 'name') ?? '',
      sizeBytes: numberField(value, 'sizeOnDisk'),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Logs in and looks; changes nothing. */
export async function examineMongodb(context: DriverContext): Promise<ServerFacts> {
  const login = await findLogin(context)
  return withConnection(login, async connection => {
    const { version } = await serverState(connection)
    const databases = await listDatabases(connection)
    return {
      version,
      databases: databases.map(each => ({
        ...each,
        criticality: 'critical' as const,
        system: isSystemDatabase(each.name),
      })),
      dataDirectory: await dataDirectory(connection),
      findings: await leftovers(context, connection, databases),
      credentialSource: login.credentialSource,
    }
  })
}

/** Null for who may not ask this. */
async function dataDirectory(connection: Connection): Promise<string | null> {
  const answer = await connection.run('admin', { getCmdLineOpts: 1 }).catch(() => null)
  if (answer === null) return null
  const { parsed } = plain(answer) as { parsed?: { storage?: { dbPath?: string } } }
  return parsed?.storage?.dbPath ?? '/data/db'
}

async function leftovers(
  context: DriverContext,
  connection: Connection,
  databases: readonly DatabaseInfo[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const { name } of databases) {
    const found = await connection
      .list(name, { listCollections: 1, nameOnly: true, authorizedCollections: true })
      .catch(() => [])
    if (!found.some(document => isOurs(textField(document, 'name') ?? ''))) continue
    findings.push({
      code: 'restore-leftover',
      severity: 'warning',
      item: null,
      message: `The database ${name} in ${context.place.description} holds collections named lifeboat-…, which a restore put aside.`,
      hint: 'They are removed when the restore is confirmed or its time for undo is over.',
    })
  }
  return findings
}

/** Counts every collection of one database. */
export async function countMongodb(context: DriverContext, database: string): Promise<Counts> {
  const login = await findLogin(context)
  return withConnection(login, async connection =>
    countCollections(
      connection,
      database,
      await listCollections(connection, database),
      context.countBudgetMs,
    ),
  )
}
