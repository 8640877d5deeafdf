import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import type { Docker, EngineId } from '../../../lab/docker.ts'
import { docker, labEngine, ownerLabel, ownerValue, uniqueName } from '../../../lab/docker.ts'
import type { HostSummary } from '../../../src-main/contract/model.ts'
import type { OptionValues } from '../../../src-main/contract/options.ts'
import type {
  Counts,
  DatabaseEngine,
  DriverContext,
  DumpSession,
  DumpSource,
} from '../../../src-main/engine/databases/database.ts'
import { dockerHost } from '../../../src-main/engine/hosts/docker.ts'
import { socketTransport } from '../../../src-main/engine/hosts/docker/transport.ts'
import type { DockerHost } from '../../../src-main/engine/hosts/host.ts'
import { inspectors } from '../../../src-main/engine/lib/content/all.ts'
import type { ContentKind } from '../../../src-main/engine/lib/content/content.ts'
import type { ProvenStream } from '../../../src-main/engine/lib/proven-stream.ts'

/** The engine of the lab that this run is for. */
export const engineId = (process.env['LIFEBOAT_TEST_ENGINE'] ?? '20') as EngineId

/** The Docker host under test, as the engine of Lifeboat sees it. */
export function connect(): DockerHost {
  const { socket, dockerHost: endpoint } = labEngine(engineId)
  const summary: HostSummary = {
    id: 'lab',
    label: 'lab',
    kind: 'docker',
    endpoint,
    source: 'flag',
    reason: 'test',
    isDefault: true,
    state: 'ready',
    problem: null,
    daemon: null,
  }
  return dockerHost(socketTransport(socket, endpoint), summary)
}

/** A container of the lab that runs until the test is over. */
export interface LabServer {
  readonly name: string
  readonly id: string
  readonly client: Docker
  readonly host: DockerHost
  /** `docker exec -i`, as a person would. */
  exec(argv: readonly string[], input?: string | Buffer): Promise<string>
  context(overrides?: {
    readonly options?: OptionValues
    readonly signal?: AbortSignal
    readonly countBudgetMs?: number
  }): Promise<DriverContext & { readonly warnings: string[] }>
  log(): Promise<string>
  remove(): Promise<void>
}

export async function startServer(spec: {
  readonly image: string
  readonly env?: Readonly<Record<string, string>>
  readonly docker?: readonly string[]
  readonly command?: readonly string[]
  readonly setUp?: (container: string, client: Docker) => Promise<void>
}): Promise<LabServer> {
  const client = docker(engineId)
  const name = uniqueName('lifeboat-db')
  const env = Object.entries(spec.env ?? {}).flatMap(([key, value]) => ['--env', `${key}=${value}`])
  await client.run([
    'create',
    '--name',
    name,
    '--label',
    `${ownerLabel}=${ownerValue}`,
    ...env,
    ...(spec.docker ?? []),
    spec.image,
    ...(spec.command ?? []),
  ])
  await spec.setUp?.(name, client)
  await client.run(['start', name])
  const host = connect()
  const { id } = await client.containerState(name)
  return {
    name,
    id,
    client,
    host,
    exec: (argv, input) => client.exec(name, argv, input === undefined ? {} : { input }),
    async context(overrides = {}) {
      const warnings: string[] = []
      return {
        place: host.inContainer(id),
        container: await host.container(id),
        options: overrides.options ?? {},
        signal: overrides.signal ?? new AbortController().signal,
        countBudgetMs: overrides.countBudgetMs ?? 60_000,
        warn: message => warnings.push(message),
        warnings,
      }
    },
    async log() {
      const { stdout, stderr } = await client.try(['logs', name])
      return stdout.toString() + stderr
    },
    async remove() {
      await host.close()
      await client.try(['rm', '-f', '-v', name])
    },
  }
}

/** One artifact as it arrived, proved. */
export interface Kept {
  readonly fileName: string
  readonly database: string | null
  readonly content: ContentKind
  readonly bytes: Buffer
}

/** Reads a proven stream and checks all that the store checks: exit code, length, hash, end mark. */
export async function receive(source: ProvenStream, content: ContentKind): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of source.stream as AsyncIterable<Buffer>) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const proof = await source.proof
  if (proof.exitCode !== 0) throw new Error(`exit code ${String(proof.exitCode)}: ${proof.stderr}`)
  if (proof.failure !== undefined) throw new Error(`${proof.failure} ${proof.stderr}`)
  if (proof.streamBytes !== bytes.length) throw new Error('length differs from the source')
  const hash = createHash('sha256').update(bytes).digest('hex')
  if (proof.streamSha256 !== undefined && proof.streamSha256 !== hash)
    throw new Error('hash differs')
  const inspector = inspectors[content](() => undefined)
  inspector.write(bytes)
  const found = inspector.finish()
  if (!found.complete) throw new Error(`not complete: ${String(found.problem)}`)
  return bytes
}

/** A whole dump in memory. */
export interface KeptDump {
  readonly artifacts: readonly Kept[]
  readonly counts: Readonly<Record<string, Counts>>
  readonly facts: DumpSession['facts']
}

export async function dump(
  engine: DatabaseEngine,
  context: DriverContext,
  databases: readonly string[],
  whileOpen?: (session: DumpSession) => Promise<void>,
): Promise<KeptDump> {
  const session = await engine.begin(context, databases)
  try {
    await whileOpen?.(session)
    const counts = await session.counts()
    const artifacts: Kept[] = []
    for (const artifact of session.artifacts) {
      const { fileName, database, content } = artifact
      artifacts.push({
        fileName,
        database,
        content,
        bytes: await receive(await artifact.open(), content),
      })
    }
    return { artifacts, counts, facts: session.facts }
  } finally {
    await session.close()
  }
}

/** A kept dump as `stage` takes it. */
export function sourceOf(kept: KeptDump, database: string): DumpSource {
  return {
    database,
    facts: kept.facts[database] as Readonly<Record<string, unknown>>,
    counts: kept.counts[database] ?? null,
    artifacts: kept.artifacts
      .filter(each => each.database === database || each.database === null)
      .map(each => ({
        fileName: each.fileName,
        content: each.content,
        plainBytes: each.bytes.length,
        open: () => Readable.from(pieces(each.bytes), { objectMode: false }),
      })),
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** Loads and switches one database, as a restore does. */
export async function restore(
  engine: DatabaseEngine,
  context: DriverContext,
  source: DumpSource,
): Promise<Counts> {
  const staged = await engine.stage(context, source, () => Promise.resolve())
  await staged.activate()
  await staged.finalize()
  return staged.counts
}
