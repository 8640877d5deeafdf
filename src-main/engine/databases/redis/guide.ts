import type { DatabaseEngine } from '../database.ts'
import { plainFile, quoted, reading } from '../tools/shell-lines.ts'
import { factsSchema } from './info.ts'

type GuideInput = Parameters<DatabaseEngine['restoreGuide']>[0]

/** The stock commands that load the data of one service; run in the snapshot's folder. */
export function guideRedis(input: GuideInput): string {
  const [database] = input.databases
  const file = database?.files.find(each => plainFile(each).endsWith('.rdb'))
  if (database === undefined || file === undefined) return ''
  const facts = factsSchema.safeParse(database.facts)
  const flavor = facts.success ? facts.data.flavor : 'redis'
  const container = quoted(input.containerName)
  const client = (...words: readonly string[]): string =>
    `docker exec -e REDISCLI_AUTH ${container} ${flavor}-cli ${words.join(' ')}`
  return [
    'The server must run and its app must be stopped. PASSWORD is the password of the server; leave it empty when there is none.',
    'A second server inside the container reads the file, and the live one takes its data over.',
    '',
    '```sh',
    'if [ -n "$PASSWORD" ]; then export REDISCLI_AUTH="$PASSWORD"; fi',
    `${reading(file)} | docker exec -i ${container} sh -c 'mkdir -p /tmp/restore && cat >/tmp/restore/dump.rdb'`,
    `docker exec -d ${container} ${flavor}-server --port 7777 --bind 127.0.0.1 --dir /tmp/restore --save '' --appendonly no`,
    `until docker exec ${container} ${flavor}-cli -p 7777 info persistence | grep -q loading:0; do sleep 1; done`,
    client('replicaof 127.0.0.1 7777'),
    `until ${client('info replication')} | grep -q master_link_status:up; do sleep 1; done`,
    client('replicaof no one'),
    client('save'),
    `docker exec ${container} ${flavor}-cli -p 7777 shutdown nosave || true`,
    `docker exec ${container} rm -r /tmp/restore`,
    '```',
  ].join('\n')
}
