import { z } from 'zod'

import { factsOf } from '../tools/stored-facts.ts'
import type { Login } from './login.ts'
import type { Session } from './session.ts'
import { literal } from './sql.ts'

/** What a restore must know of one database beyond its dump. Kept in the manifest: no secrets. */
export const factsSchema = z.object({
  /** Version of this record. */
  format: z.literal(1),
  flavor: z.enum(['mariadb', 'mysql']),
  serverVersion: z.string(),
  characterSet: z.string(),
  collation: z.string(),
  tables: z.number().int(),
  /** Tables whose engine knows no transactions: their rows are not of the dump's one moment. */
  nonTransactional: z.array(z.string()),
  lowerCaseTableNames: z.string(),
})

export type MysqlFacts = z.infer<typeof factsSchema>

/** `11.8.3-MariaDB…` → `11.8.3` */
export async function serverVersion(session: Session): Promise<string> {
  return /^[\d.]+/.exec(await session.run('select version()'))?.[0] ?? ''
}

export async function readFacts(
  session: Session,
  login: Login,
  database: string,
): Promise<MysqlFacts> {
  const name = literal(database)
  const [schema] = await session.rows(
    `select default_character_set_name, default_collation_name from information_schema.schemata where schema_name = ${name}`,
  )
  const tables = await session.rows(
    `select t.table_name, coalesce(e.transactions, 'NO'), t.table_type from information_schema.tables t
       left join information_schema.engines e on e.engine = t.engine
      where t.table_schema = ${name} and t.table_type <> 'VIEW' order by 1`,
  )
  return {
    format: 1,
    flavor: login.flavor,
    serverVersion: await serverVersion(session),
    characterSet: schema?.[0] ?? 'utf8mb4',
    collation: schema?.[1] ?? 'utf8mb4_general_ci',
    tables: tables.length,
    nonTransactional: tables
      .filter(row => row[1] !== 'YES' && row[2] !== 'SEQUENCE')
      .map(row => row[0] ?? ''),
    lowerCaseTableNames: await session.run('select @@lower_case_table_names'),
  }
}

/** The facts as a snapshot kept them. Rejects with `not-supported` when they are no such facts. */
export function storedFacts(facts: unknown): MysqlFacts {
  return factsOf(factsSchema, facts, 'this database')
}
