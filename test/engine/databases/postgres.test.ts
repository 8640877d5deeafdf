import { databaseSuite } from './database-suite.ts'
import { postgresFixture } from './postgres-fixture.ts'

databaseSuite(postgresFixture)
