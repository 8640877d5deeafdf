import { createHash } from 'node:crypto'

import { redis } from '../../../src-main/engine/databases/redis.ts'
import type { DatabaseFixture } from './fixture.ts'
import { type LabServer, startServer } from './lab-server.ts'

// Valkey cannot be given a double quote on its command line.
const password = `p'a s $HOME \`id\` %s;#`
const data = 'data'

/** The client as a person in the container would use it; one command a line, or one command with a value from `input`. */
export function cli(
  server: LabServer,
  input: string | Buffer,
  ...words: readonly string[]
): Promise<string> {
  const environment = { ...server.client.environment, REDISCLI_AUTH: password }
  return server.client.run(
    ['exec', '-i', '-e', 'REDISCLI_AUTH', server.name, 'redis-cli', '-e', ...words],
    { input, env: environment },
  )
}

/** Every kind of value in several of the numbered databases; only what Redis and Valkey share. */
const values = String.raw`
EVAL "for i = 1, 20000 do redis.call('SET', 'message:' .. i, 'Nachricht ' .. i .. string.char(0, 255, 13, 10)) end" 0
EVAL "for i = 1, 2000 do redis.call('HSET', 'hash:big', 'f' .. i, i); redis.call('SADD', 'set:big', 'm' .. i); redis.call('ZADD', 'zset:big', i / 7, 'z' .. i); redis.call('RPUSH', 'list:big', 'l' .. i) end" 0
SET "😀 key with \"quotes\" $(touch /tmp/canary)" "漢字 äöü 😀"
SET "\x00\xff\r\n" "\x00\x01\xfe\xff\r\n"
SET nothing ""
SET "" "value of the empty key"
HSET hash one 1 "z w e i" "\x00" "" leer
RPUSH list a "" c
SADD set 1 2 3
SADD words a b ""
ZADD zset -inf low 0.1 mid inf high
XADD stream 1-1 field value
XADD stream 2-1 field "\x00"
XGROUP CREATE stream group 1-1
PFADD log a b c
GEOADD places 13.36 38.11 Palermo
SETBIT bits 100000 1
SET later x PXAT 4102444800000
PEXPIREAT hash 4102444800123
FUNCTION LOAD "#!lua name=library\nredis.register_function('twice', function(keys, args) return args[1] * 2 end)"
SELECT 3
SET pair:0 x
SELECT 4
SET pair:0 x
SELECT 15
SET last 15
SAVE
`

/** One hash of a numbered database: types, values in an order of their own, times of expiry to the millisecond. */
const digest = `
local sum = ''
local keys = redis.call('KEYS', '*')
table.sort(keys)
for _, key in ipairs(keys) do
  local kind = redis.call('TYPE', key).ok
  local value
  if kind == 'string' then value = redis.call('GET', key)
  elseif kind == 'list' then value = cmsgpack.pack(redis.call('LRANGE', key, 0, -1))
  elseif kind == 'zset' then value = cmsgpack.pack(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'))
  elseif kind == 'stream' then
    value = cmsgpack.pack(redis.call('XRANGE', key, '-', '+'), redis.call('XINFO', 'GROUPS', key))
  elseif kind == 'set' then
    local members = redis.call('SMEMBERS', key)
    table.sort(members)
    value = cmsgpack.pack(members)
  else
    local fields = redis.call('HKEYS', key)
    table.sort(fields)
    local pairs = {}
    for at, field in ipairs(fields) do pairs[at] = { field, redis.call('HGET', key, field) } end
    value = cmsgpack.pack(pairs)
  end
  sum = redis.sha1hex(sum .. #key .. key .. kind .. redis.call('PEXPIRETIME', key) .. ' ' .. value)
end
return #keys .. ' ' .. sum`.replaceAll('\n', ' ')

async function fingerprint(server: LabServer): Promise<string | null> {
  const commands = Array.from({ length: 16 }, (_, index) => `SELECT ${index}\nEVAL "${digest}" 0\n`)
  const text = await cli(server, `${commands.join('')}FUNCTION LIST WITHCODE\n`)
  const keys = [...text.matchAll(/^(\d+) [0-9a-f]*\s*$/gm)].map(match => Number(match[1]))
  if (keys.length !== 16) throw new Error(`not every database was looked at:\n${text}`)
  if (keys.every(count => count === 0)) return null
  return createHash('sha256').update(text).digest('hex')
}

/** A server of one of the two families; what they are asked is the same. */
export function redisFixture(image: 'redis:8' | 'valkey/valkey:8'): DatabaseFixture {
  const program = image.startsWith('valkey') ? 'valkey-server' : 'redis-server'
  return {
    engine: redis,
    label: image,
    password,
    main: data,
    hostile: data,
    empty: data,
    large: data,
    pairTables: ['db3', 'db4'],
    countsAtOnce: true,
    passwordVariable: 'REDIS_PASSWORD',
    dumpProcess: 'cat',
    crashWords: /crashed by signal|bug report|out of memory/i,
    start: (more = {}) =>
      startServer({
        image,
        env: { REDIS_PASSWORD: password, ...more.env },
        docker: more.docker ?? [],
        command: more.command ?? [
          'sh',
          '-c',
          `exec ${program} --protected-mode no --requirepass "$REDIS_PASSWORD"`,
        ],
      }),
    async fill(server) {
      await cli(
        server,
        Buffer.alloc(20_000_000, '\0Lifeboat \xff\r\n', 'latin1'),
        '-x',
        'SET',
        'big',
      )
      await cli(server, values)
    },
    fingerprint,
    async damage(server) {
      await cli(
        server,
        'DEL big list\nSET message:7 damaged\nPERSIST later\nXADD stream * more x\nSET unwanted 1\nFUNCTION FLUSH\nSELECT 3\nFLUSHDB\nSELECT 9\nSET unwanted 1\n',
      )
    },
    async lose(server) {
      await cli(server, 'FUNCTION FLUSH\nFLUSHALL\n')
    },
    async surroundings(server) {
      const files = await server.exec(['sh', '-c', 'ls -A /data'])
      const state = await cli(server, 'ACL LIST\nCONFIG GET save\nCONFIG GET appendonly\nROLE\n')
      // The position in the stream of changes moves on by itself.
      return files + state.replace(/^master\n\d+$/m, 'master')
    },
    async writePairs(server, _database, goOn) {
      let written = 0
      for (; goOn(); written += 1) {
        const key = `pair:${String(written + 1)}`
        await cli(server, `MULTI\nSELECT 3\nSET ${key} x\nSELECT 4\nSET ${key} x\nEXEC\n`)
      }
      return written
    },
    async breakLogin(server) {
      await cli(server, 'CONFIG SET requirepass "another one"\n')
    },
    async hideTool(server) {
      await server.exec([
        'sh',
        '-c',
        'for tool in redis-cli valkey-cli; do file=$(command -v "$tool") && mv "$file" "$file.hidden"; done',
      ])
    },
    async grow(server) {
      await server.exec([
        'sh',
        '-c',
        `export REDISCLI_AUTH="$REDIS_PASSWORD"
         for i in 1 2 3; do head -c 50000000 /dev/urandom | redis-cli -x SET "large:$i" || exit 1; done; redis-cli SAVE`,
      ])
    },
    async sessions(server) {
      const text = await cli(server, 'CLIENT LIST\n')
      return text.trim().split('\n').length - 1
    },
  }
}
