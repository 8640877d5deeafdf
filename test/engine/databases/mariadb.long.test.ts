import { databaseSuite } from './database-suite.ts'
import { mariadbFixture } from './mariadb-fixture.ts'

databaseSuite(mariadbFixture)
