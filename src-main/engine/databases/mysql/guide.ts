import type { DatabaseEngine } from '../database.ts'
import { plainFile, quoted, reading } from '../tools/shell-lines.ts'
import type { Flavor } from './detect.ts'
import { factsSchema } from './facts.ts'
import { identifier } from './sql.ts'

type GuideInput = Parameters<DatabaseEngine['restoreGuide']>[0]

/** The stock commands that load the dumps of one service; run in the snapshot's folder. */
export function guideMysql(input: GuideInput, flavor: Flavor): string {
  const client = flavor === 'mariadb' ? 'mariadb' : 'mysql'
  const command = (...more: readonly string[]): string =>
    [
      'docker exec -i -e MYSQL_PWD',
      quoted(input.containerName),
      client,
      '--user=root',
      '--binary-mode --default-character-set=utf8mb4',
      ...more,
    ].join(' ')
  const lines = [
    'The database server must run and its app must be stopped. PASSWORD is the root password of the server.',
    '',
    '```sh',
    'export MYSQL_PWD="$PASSWORD"',
  ]
  const users = input.sharedFiles.find(file => plainFile(file) === 'users.sql')
  if (users !== undefined) {
    lines.push('# Users and their rights.', `${reading(users)} | ${command('--force')} || true`)
  }
  for (const database of input.databases) {
    const file = database.files.find(each => plainFile(each).endsWith('.sql'))
    if (file === undefined) continue
    const facts = factsSchema.safeParse(database.facts)
    const charset = facts.success
      ? ` character set ${facts.data.characterSet} collate ${facts.data.collation}`
      : ''
    const name = identifier(database.name)
    lines.push(
      `# The database ${database.name.replaceAll(/\s/g, ' ')}: dropped, made again and loaded.`,
      command('-e', quoted(`drop database if exists ${name}; create database ${name}${charset}`)),
      `${reading(file)} | ${command(quoted(`--database=${database.name}`))}`,
    )
  }
  lines.push('```')
  return lines.join('\n')
}
