import { databaseSuite } from './database-suite.ts'
import { redisFaults } from './redis-faults.ts'
import { redisFixture } from './redis-fixture.ts'

const valkey = redisFixture('valkey/valkey:8')

databaseSuite(valkey)
redisFaults(valkey)
redisFaults(redisFixture('redis:8'))
