import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'

import { afterAll } from 'vitest'

import type { ProvenStream, SourceProof } from '../../../src-main/engine/lib/proven-stream.ts'
import {
  type ArtifactRecord,
  type Manifest,
  MANIFEST_SCHEMA,
  type ManifestItem,
} from '../../../src-main/engine/store/manifest.ts'
import { openRepository, type Repository } from '../../../src-main/engine/store/repository.ts'
import type {
  ArtifactSpec,
  SnapshotWriter,
} from '../../../src-main/engine/store/snapshot-writer.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A new folder that is gone after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lifeboat-store-'))
  folders.push(folder)
  return folder
}

export async function newRepository(
  folder = path.join(temporaryFolder(), 'repository'),
): Promise<Repository> {
  return await openRepository(folder, { create: true, version: '0.0.0-test' })
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export interface TestSource extends ProvenStream {
  readonly aborted: () => boolean
}

/** A source that sends these bytes with a sound proof, unless told otherwise. */
export function bytesSource(
  bytes: Buffer,
  options: {
    readonly encoding?: 'none' | 'zstd'
    readonly proof?: Partial<SourceProof>
    /** Proof without any figure of its own. */
    readonly bare?: boolean
    readonly chunk?: number
    readonly stream?: Readable
    readonly proofPromise?: Promise<SourceProof>
  } = {},
): TestSource {
  const step = options.chunk ?? 65_536
  let aborted = false
  function* chunks() {
    for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
  }
  const figures =
    options.bare === true ? {} : { streamBytes: bytes.length, streamSha256: sha256(bytes) }
  const stream = options.stream ?? Readable.from(chunks(), { objectMode: false })
  return {
    stream,
    encoding: options.encoding ?? 'none',
    proof:
      options.proofPromise ??
      Promise.resolve({ exitCode: 0, ...figures, stderr: '', warnings: [], ...options.proof }),
    abort: () => {
      aborted = true
      return Promise.resolve()
    },
    aborted: () => aborted,
  }
}

export function spec(fields: Partial<ArtifactSpec> = {}): ArtifactSpec {
  return {
    path: 'volumes/files.tar',
    item: 'volume:files',
    content: 'tar',
    codec: 'zstd',
    signal: new AbortController().signal,
    ...fields,
  }
}

/** A tar of some files, made by GNU tar. */
export function tarOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), content)
  }
  return execFileSync('tar', ['--format=pax', '--sort=name', '-C', folder, '-cf', '-', '.'], {
    maxBuffer: 1 << 30,
  })
}

export function itemOf(
  id: string,
  kind: ManifestItem['kind'],
  artifacts: readonly ArtifactRecord[],
): ManifestItem {
  return {
    id,
    kind,
    engine: null,
    service: 'app',
    writers: ['app'],
    source: id.slice(id.indexOf(':') + 1),
    target: '/data',
    method: 'copy',
    consistency: 'app-consistent',
    criticality: 'critical',
    outcome: 'complete',
    error: null,
    artifacts: artifacts.filter(each => each.item === id).map(each => each.path),
    counts: {},
    countsExact: true,
    facts: {},
    warnings: [],
    durationMs: 1,
  }
}

/** A manifest that fits what was stored. */
export function manifestFor(
  repository: Pick<Repository, 'id'>,
  writer: Pick<SnapshotWriter, 'id'>,
  artifacts: readonly ArtifactRecord[],
  fields: Partial<Manifest> = {},
): Manifest {
  const time = '2026-11-21T03:00:00.000Z'
  const items = [...new Set(artifacts.map(each => each.item))]
  return {
    $schema: MANIFEST_SCHEMA,
    schemaVersion: 1,
    id: writer.id,
    repositoryId: repository.id,
    origin: 'backup',
    outcome: 'complete',
    time,
    startedAt: time,
    finishedAt: time,
    lifeboat: { version: '0.0.0-test', node: process.version },
    host: {
      id: 'local',
      label: 'local',
      kind: 'docker',
      daemonId: null,
      daemonVersion: null,
      operatingSystem: null,
      architecture: null,
    },
    clocks: { local: time, host: null },
    stack: {
      name: 'app',
      kind: 'compose',
      workingDirectory: '/srv/app',
      configFiles: ['/srv/app/compose.yaml'],
      environmentFiles: [],
      services: [],
    },
    quiesce: { downtimeMs: 0, services: [] },
    items: items.map(id => itemOf(id, id.startsWith('config') ? 'config' : 'volume', artifacts)),
    artifacts: [...artifacts],
    excluded: [],
    warnings: [],
    ...fields,
  }
}

export interface SnapshotOptions {
  readonly host?: string
  readonly stack?: string
  readonly time?: Date
  readonly tar?: Buffer
  readonly manifest?: Partial<Manifest>
}

/** Makes a small whole snapshot: one volume, one config file. */
export async function makeSnapshot(
  repository: Repository,
  options: SnapshotOptions = {},
): Promise<string> {
  const writer = await repository.begin({
    host: options.host ?? 'local',
    stack: options.stack ?? 'app',
    time: options.time ?? new Date('2026-11-21T03:00:00Z'),
    purpose: 'test',
  })
  const tar = options.tar ?? tarOf({ 'a.txt': 'alpha', 'sub/b.txt': 'beta' })
  const records = [
    await writer.addArtifact(spec(), bytesSource(tar)),
    await writer.addFile('config/.env', 'config:env', Buffer.from('PASSWORD=secret\n')),
  ]
  const name = options.stack ?? 'app'
  const base = manifestFor(repository, writer, records)
  const time = (options.time ?? new Date(base.time)).toISOString()
  await writer.commit(
    {
      ...base,
      time,
      host: { ...base.host, id: options.host ?? 'local' },
      stack: { ...base.stack, name },
      ...options.manifest,
    },
    '# Restore\n',
  )
  return writer.id
}

/** The error of a promise that must reject. */
export async function failure(
  promise: Promise<unknown>,
): Promise<Error & { readonly code?: string; readonly details?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('It did not fail')
}
