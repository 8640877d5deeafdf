import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import type { ProvenStream, SourceProof } from '../../../src-main/engine/lib/proven-stream.ts'
import {
  type ArtifactRecord,
  type Manifest,
  MANIFEST_SCHEMA,
  type ManifestItem,
} from '../../../src-main/engine/store/manifest.ts'
import type { Repository } from '../../../src-main/engine/store/repository.ts'
import type {
  ArtifactSpec,
  SnapshotWriter,
} from '../../../src-main/engine/store/snapshot-writer.ts'

// Without the test runner, so that processes which are killed can use it too.

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
