import type { DatabaseEngine } from '../database.ts'
import { plainFile, quoted, reading } from '../tools/shell-lines.ts'
import { factsSchema } from './facts.ts'
import { connectionString, identifier, literal } from './sql.ts'

type GuideInput = Parameters<DatabaseEngine['restoreGuide']>[0]

/** The stock commands that load the dumps of one service; run in the snapshot's folder. */
export function guidePostgres(input: GuideInput): string {
  const facts = input.databases.flatMap(each => {
    const parsed = factsSchema.safeParse(each.facts)
    return parsed.success ? [parsed.data] : []
  })
  const user = facts[0]?.user ?? 'postgres'
  const port = facts[0]?.serverSettings['port']
  const portFlag = port === undefined ? [] : ['-p', port]
  const container = quoted(input.containerName)
  const client = (tool: string, database: string, ...more: readonly string[]): string =>
    [
      'docker exec -i',
      container,
      tool,
      '-U',
      quoted(user),
      ...portFlag,
      '-d',
      quoted(connectionString(database)),
      ...more,
    ].join(' ')
  const lines = [
    `The database server must run and its app must be stopped. The login is ${user}; if the server asks for a password, add \`-e PGPASSWORD\` after \`docker exec\` and export it before.`,
    '',
    '```sh',
    '# Waits until the server answers: a new one makes its data folder first.',
    `until ${['docker exec', container, 'pg_isready -q -h 127.0.0.1', ...portFlag].join(' ')}; do sleep 1; done`,
  ]
  const globals = input.sharedFiles.find(file => plainFile(file) === 'globals.sql')
  if (globals !== undefined) {
    lines.push(
      '# Roles first. "already exists" is no error here.',
      `${reading(globals)} | ${client('psql -X -q', 'template1')}`,
    )
  }
  for (const database of input.databases) {
    lines.push(...loading(database, client))
  }
  const configuration = input.sharedFiles.filter(file => /\.conf(\.|$)/.test(file))
  lines.push('```')
  if (configuration.length > 0) {
    lines.push(
      '',
      `The server's configuration at that time is in ${configuration.join(', ')}; compare it with the one in the data folder.`,
    )
  }
  return lines.join('\n')
}

function loading(
  database: GuideInput['databases'][number],
  client: (tool: string, database: string, ...more: readonly string[]) => string,
): readonly string[] {
  const { name } = database
  const find = (ending: string): string | undefined =>
    database.files.find(file => plainFile(file).endsWith(ending))
  const dump = find('.dump')
  const settings = find('.settings.sql')
  const sql = database.files.find(file => plainFile(file).endsWith('.sql') && file !== settings)
  if (dump !== undefined) {
    return [
      `# The database ${name.replaceAll(/\s/g, ' ')}: dropped, made again and loaded, with its owner, rights and settings.`,
      `${reading(dump)} | ${client('pg_restore', 'template1', '--clean --if-exists --create --exit-on-error')}`,
    ]
  }
  if (sql === undefined) return []
  const facts = factsSchema.safeParse(database.facts)
  const encoding = facts.success
    ? ` encoding ${literal(facts.data.encoding)} lc_collate ${literal(facts.data.collate)} lc_ctype ${literal(facts.data.characterType)}`
    : ''
  return [
    `# The database ${name.replaceAll(/\s/g, ' ')}: dropped, made again and loaded.`,
    client(
      'psql -X -q -v ON_ERROR_STOP=1',
      'template1',
      '-c',
      quoted(`drop database if exists ${identifier(name)}`),
      '-c',
      quoted(`create database ${identifier(name)} template template0${encoding}`),
    ),
    `${reading(sql)} | ${client('psql -X -q -1 -v ON_ERROR_STOP=1', name, '-o /dev/null')}`,
    ...(settings === undefined
      ? []
      : [`${reading(settings)} | ${client('psql -X -q', 'template1')}`]),
  ]
}
