import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import type { Client } from '../../contract/contract.ts'
import { type DockerApi, dockerApi } from './docker-api.ts'
import { type DockerProject, dockerProject, type ServiceSpec } from './docker-project.ts'
import { fillDatabase, fillUploads, listUploads } from './docker-scripts.ts'
import { describeTree, type Facts, sha256 } from './facts.ts'
import type { Sample } from './sample.ts'
import { writeSecrets } from './sample-files.ts'

const tables = ['members', 'rooms', 'messages'] as const

/** A role that the application does not own: roles and grants must come back, too. */
const READER = 'harbour_reader'

interface Input {
  readonly client: Client
  readonly home: string
  readonly signal: AbortSignal
  say(text: string): void
}

/**
 * The sample with a real Postgres, where Docker runs on this computer and has a Postgres image already: none is
 * ever pulled. Otherwise the reason why not, as the end of a sentence.
 */
export async function dockerSample(input: Input): Promise<Sample | string> {
  const hosts = await input.client.call('host.list', { test: true })
  const host = hosts.find(each => each.isDefault)
  if (host?.state !== 'ready') return 'no Docker engine answers here'
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(host.endpoint)?.[1]
  if (socket === undefined) return 'the Docker engine is not on this computer'
  const api = dockerApi(socket)
  const image = await postgresImage(api)
  if (image === null) return 'there is no Postgres image on this computer, and none is pulled'
  return create(input, host.id, api, image)
}

/** The newest official Postgres image that is there. */
async function postgresImage(api: DockerApi): Promise<string | null> {
  const images = (await api.call('GET', '/images/json')) as readonly { RepoTags: string[] | null }[]
  const tags = images.flatMap(each => each.RepoTags ?? [])
  const official = tags.filter(tag => /^(?:docker\.io\/)?(?:library\/)?postgres:\d/.test(tag))
  return official.toSorted((a, b) => majorOf(b) - majorOf(a))[0] ?? null
}

function majorOf(tag: string): number {
  return Number(/:(\d+)/.exec(tag)?.[1])
}

/** Where the image keeps its data; since 18 the volume is one folder higher. */
function dataFolder(image: string): string {
  return majorOf(image) >= 18 ? '/var/lib/postgresql' : '/var/lib/postgresql/data'
}

async function create(
  { home, signal, say }: Input,
  host: string,
  api: DockerApi,
  image: string,
): Promise<Sample | string> {
  const stack = `harbour-${randomBytes(3).toString('hex')}`
  const folder = path.join(home, 'stacks', stack)
  const project = dockerProject(api, stack, folder)
  const remove = async (): Promise<void> => {
    await project.remove()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    say(`Starting a sample stack with ${image} …`)
    await mkdir(folder, { recursive: true })
    const { password } = await writeSecrets(folder)
    await writeFile(path.join(folder, 'compose.yaml'), composeFile(image))
    await setUp({ api, project, image, folder, password, signal })
  } catch (error) {
    await remove()
    signal.throwIfAborted()
    // A sandbox, a remote file system, an engine with rules: the other sample needs none of that.
    const why = error instanceof Error ? error.message.slice(0, 200) : String(error)
    return `the sample could not be made in Docker (${why})`
  }
  return {
    kind: 'docker',
    host,
    stack,
    about: `A chat server in Docker: ${image} with 5,000 messages, a volume of uploads, .env, a secret key.`,
    describe: () => describe(api, project, folder),
    damage: () => damage(api, project, folder),
    remove,
  }
}

async function setUp(given: {
  readonly api: DockerApi
  readonly project: DockerProject
  readonly image: string
  readonly folder: string
  readonly password: string
  readonly signal: AbortSignal
}): Promise<void> {
  const { api, project, image, folder, password, signal } = given
  const data = await project.createVolume('db')
  const files = await project.createVolume('files')
  await project.createNetwork()
  const login = ['POSTGRES_USER=harbour', `POSTGRES_PASSWORD=${password}`, 'POSTGRES_DB=harbour']
  const db: ServiceSpec = {
    service: 'db',
    image,
    environment: login,
    health: ['pg_isready', '-h', '127.0.0.1', '-U', 'harbour', '-d', 'harbour'],
    mounts: [{ Type: 'volume', Source: data, Target: dataFolder(image) }],
  }
  const secrets = path.join(folder, 'secrets')
  const app: ServiceSpec = {
    service: 'app',
    image,
    environment: ['PGHOST=db', 'PGUSER=harbour', 'PGDATABASE=harbour', `PGPASSWORD=${password}`],
    command: ['sh', '-c', "trap 'exit 0' TERM INT; while :; do sleep 1 & wait $!; done"],
    // Healthy means: the messages, the uploads and the key are all there.
    health: [
      'sh',
      '-c',
      "test -s /data/welcome.txt && test -s /secrets/signing-key.pem && psql -qtc 'select 1 / count(*) from messages'",
    ],
    mounts: [
      { Type: 'volume', Source: files, Target: '/data' },
      { Type: 'bind', Source: secrets, Target: '/secrets', ReadOnly: true },
      // The image declares a volume for a server's data, and this container runs none.
      { Type: 'tmpfs', Target: dataFolder(image) },
    ],
  }
  await project.start(db)
  await project.waitHealthy('db', signal)
  await api.exec(await project.container('db'), psql('harbour', fillDatabase(READER)))
  await project.start(app)
  await api.exec(await project.container('app'), ['sh', '-ec', fillUploads], { user: '0' })
  await project.waitHealthy('app', signal)
}

function psql(database: string, sql: string): readonly string[] {
  const options = ['-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1', '-U', 'harbour', '-d', database]
  return ['psql', ...options, '-c', sql]
}

async function describe(api: DockerApi, project: DockerProject, folder: string): Promise<Facts> {
  const facts = new Map<string, string>()
  const db = await project.container('db')
  const ask = async (sql: string): Promise<string> => {
    const answer = await api.exec(db, psql('harbour', sql)).catch((error: unknown) => error)
    return typeof answer === 'string' ? answer.trim() : 'no answer'
  }
  for (const table of tables) {
    facts.set(`rows of ${table}`, await ask(`select count(*) from ${table}`))
    facts.set(
      `hash of ${table}`,
      await ask(`select md5(string_agg(t::text, E'\\n' order by id)) from ${table} t`),
    )
    facts.set(
      `columns of ${table}`,
      await ask(
        `select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute where attrelid = to_regclass('${table}') and attnum > 0`,
      ),
    )
  }
  facts.set(
    `grants of ${READER}`,
    await ask(
      `select string_agg(table_name || ' ' || privilege_type, ', ' order by 1) from information_schema.role_table_grants where grantee = '${READER}'`,
    ),
  )
  facts.set('next message id', await ask('select last_value from messages_id_seq'))
  for (const service of ['db', 'app']) facts.set(`${service} is`, await project.healthOf(service))
  const app = await project.container('app')
  const listed = await api
    .exec(app, ['sh', '-ec', listUploads], { user: '0' })
    .catch(() => 'unreadable')
  for (const line of listed.split('\n').filter(each => each !== '')) {
    facts.set(`uploads ${line}`, 'there')
  }
  for (const [name, value] of await describeTree(folder)) facts.set(name, value)
  facts.set('uploads as a whole', sha256(listed))
  return facts
}

async function damage(
  api: DockerApi,
  project: DockerProject,
  folder: string,
): Promise<readonly string[]> {
  const [db, app] = [await project.container('db'), await project.container('app')]
  await api.exec(app, ['find', '/data', '-mindepth', '1', '-delete'], { user: '0' })
  await api.call('POST', `/containers/${app}/stop?t=10`)
  const end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'harbour'"
  await api.exec(db, psql('postgres', end))
  await api.exec(db, psql('postgres', 'drop database harbour'))
  await rm(path.join(folder, '.env'))
  await rm(path.join(folder, 'secrets', 'signing-key.pem'))
  return [
    'database harbour dropped',
    'volume of the uploads emptied',
    '.env and the signing key deleted',
  ]
}

/** The compose file of the sample: what a person would have written. */
function composeFile(image: string): string {
  return `services:
  db:
    image: ${image}
    environment:
      POSTGRES_USER: harbour
      POSTGRES_PASSWORD: \${DB_PASSWORD}
      POSTGRES_DB: harbour
    volumes:
      - db:${dataFolder(image)}
  app:
    image: ${image}
    depends_on: [db]
    volumes:
      - files:/data
      - ./secrets:/secrets:ro
    tmpfs: ${dataFolder(image)}

volumes:
  db:
  files:
`
}
