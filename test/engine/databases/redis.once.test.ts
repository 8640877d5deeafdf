import { databaseSuite } from './database-suite.ts'
import { redisFixture } from './redis-fixture.ts'

databaseSuite(redisFixture('redis:8'))
