import type { DatabaseEngine } from '../database.ts'
import { plainFile, quoted, reading } from '../tools/shell-lines.ts'
import { factsSchema } from './facts.ts'

/** Gives mongorestore the password from the environment in a file of its own: no argument shows it. */
const withPassword = `q="'"; exec mongorestore --config=<(printf "password: '%s'\\n" "\${PASSWORD//$q/$q$q}") "$@"`

type GuideInput = Parameters<DatabaseEngine['restoreGuide']>[0]

/** The stock commands that load the archives of one service; run in the snapshot's folder. */
export function guideMongodb(input: GuideInput): string {
  const [facts] = input.databases.flatMap(each => {
    const parsed = factsSchema.safeParse(each.facts)
    return parsed.success ? [parsed.data] : []
  })
  const user = facts?.user ?? null
  const container = quoted(input.containerName)
  const start =
    user === null
      ? `docker exec -i ${container} mongorestore`
      : `docker exec -i -e PASSWORD ${container} bash -c ${quoted(withPassword)} x --username=${quoted(user)} --authenticationDatabase=${quoted(facts?.authDatabase ?? 'admin')}`
  const lines = [
    `The database server must run and its app must be stopped.${user === null ? '' : ` The login is ${user}; export its password as PASSWORD before.`} Where the container has no mongorestore, run it from another image on the same network: \`docker run --rm -i --network container:NAME mongo …\` in place of \`docker exec -i NAME …\`.`,
    '',
    '```sh',
  ]
  for (const database of input.databases) {
    const archive = database.files.find(file => plainFile(file).endsWith('.archive'))
    if (archive === undefined) continue
    lines.push(
      `# The database ${database.name.replaceAll(/\s/g, ' ')}: each of its collections is dropped and loaded.`,
      `${reading(archive)} | ${start} --archive --drop`,
    )
  }
  const users = input.sharedFiles.find(file => plainFile(file) === 'users.archive')
  if (users !== undefined) {
    lines.push('# Users and roles of the whole server.', `${reading(users)} | ${start} --archive`)
  }
  return [...lines, '```'].join('\n')
}
