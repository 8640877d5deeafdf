import { inspectBytes } from './bytes.ts'
import type { ContentKind, InspectorFactory } from './content.ts'
import { inspectJson } from './json.ts'
import { inspectMongoArchive } from './mongo-archive.ts'
import { inspectMysqlSql } from './mysql-sql.ts'
import { inspectPgCustom } from './pg-custom.ts'
import { inspectPgSql } from './pg-sql.ts'
import { inspectRdb } from './rdb.ts'
import { inspectSqlite } from './sqlite.ts'
import { inspectTar } from './tar.ts'

/** One line for each kind of content. */
export const inspectors: Readonly<Record<ContentKind, InspectorFactory>> = {
  bytes: inspectBytes,
  json: inspectJson,
  'mongo-archive': inspectMongoArchive,
  'mysql-sql': inspectMysqlSql,
  'pg-custom': inspectPgCustom,
  'pg-sql': inspectPgSql,
  rdb: inspectRdb,
  sqlite: inspectSqlite,
  tar: inspectTar,
}
