import { databaseSuite } from './database-suite.ts'
import { mongodbFixture } from './mongodb-fixture.ts'

databaseSuite(mongodbFixture)
