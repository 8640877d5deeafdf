import { z } from 'zod'

import type {
  BackupItemResult,
  CheckReport,
  FileEntry,
  HostSummary,
  Item,
  JobEvent,
  JobProgress,
  JobSummary,
  SnapshotSummary,
  Stack,
} from '../../contract/model.ts'

/** Takes a schema only if what it accepts is the contract's type: the two cannot drift apart unnoticed. */
export function schemaOf<T>(): <S extends z.ZodType<T>>(schema: S) => S {
  return schema => schema
}

/** Every document begins with this. */
export const version = { schemaVersion: z.literal(1).describe('Version of all these documents.') }

export const time = z.iso.datetime({ precision: null }).describe('ISO 8601, UTC.')
export const bytes = z.number().min(0).describe('Bytes.')
export const milliseconds = z.number().min(0).describe('Milliseconds.')
const count = z.int().min(0)
export const words = z.string().describe('For a person.')

export const outcome = z.enum(['complete', 'partial', 'failed'])
const consistency = z.enum(['app-consistent', 'crash-consistent', 'hot', 'none'])
const criticality = z.enum(['critical', 'important', 'replayable'])
const method = z.enum([
  'dump',
  'sqlite-backup',
  'paused-copy',
  'stopped-copy',
  'copy',
  'mirror',
  'covered-by-dump',
  'none',
])
const kind = z.enum(['database', 'sqlite', 'volume', 'bind', 'bucket', 'config'])
const itemId = z.string().describe('Stable id of an item, for instance database:SERVICE/NAME.')

const item = schemaOf<Item>()(
  z.strictObject({
    id: itemId,
    kind,
    engine: z.string().nullable(),
    service: z.string().nullable(),
    writers: z.array(z.string()),
    source: z.string(),
    target: z.string().nullable(),
    sizeBytes: bytes.nullable(),
    method,
    consistency,
    criticality,
    decision: z.enum(['include', 'exclude', 'cannot']),
    reason: words,
    takenWith: z.string().exactOptional(),
  }),
)

export const stack = schemaOf<Stack>()(
  z.strictObject({
    host: z.string(),
    name: z.string(),
    kind: z.enum(['compose', 'swarm', 'standalone', 'folder']),
    coverage: z.enum(['covered', 'partly', 'uncovered']),
    services: z.array(
      z.strictObject({
        name: z.string(),
        image: z.string(),
        containerId: z.string(),
        state: z.string(),
        health: z.string().nullable(),
        engine: z.string().nullable(),
        version: z.string().nullable(),
        dependsOn: z.array(z.string()),
      }),
    ),
    items: z.array(item),
    findings: z.array(
      z.strictObject({
        code: z.string(),
        severity: z.enum(['info', 'warning', 'critical']),
        item: z.string().nullable(),
        message: words,
        hint: words,
      }),
    ),
  }),
)

export const host = schemaOf<HostSummary>()(
  z.strictObject({
    id: z.string(),
    label: z.string(),
    kind: z.enum(['docker', 'folder']),
    endpoint: z.string(),
    source: z.string(),
    reason: words,
    isDefault: z.boolean(),
    state: z.enum(['ready', 'unreachable', 'untested']),
    problem: z
      .strictObject({
        layer: z.enum([
          'name-lookup',
          'network',
          'port',
          'host-key',
          'login',
          'docker-missing',
          'docker-permission',
          'socket-missing',
          'folder-missing',
          'daemon',
        ]),
        message: words,
        hint: words,
      })
      .nullable(),
    daemon: z
      .strictObject({
        id: z.string(),
        name: z.string(),
        version: z.string(),
        apiVersion: z.string(),
        operatingSystem: z.string(),
        architecture: z.string(),
        cpus: count,
        time,
      })
      .nullable(),
  }),
)

export const itemResult = schemaOf<BackupItemResult>()(
  z.strictObject({
    id: itemId,
    outcome,
    bytesIn: bytes,
    bytesStored: bytes,
    durationMs: milliseconds,
    sha256: z.string().nullable().describe('SHA-256 of the plain content, hexadecimal.'),
    consistency,
    warnings: z.array(words),
    error: words.nullable(),
  }),
)

const proof = z.strictObject({
  level: z.enum(['recorded', 'checked', 'drilled']),
  at: time.nullable(),
})

/** What a list says of a snapshot. */
export const snapshotFields = {
  id: z.string(),
  host: z.string(),
  stack: z.string(),
  time,
  outcome,
  sizeBytes: bytes,
  encrypted: z.boolean(),
  pinned: z.boolean(),
  origin: z.enum(['backup', 'safety', 'import']),
  proof,
  copies: z.array(z.strictObject({ target: z.string(), verifiedAt: time.nullable() })),
  problem: words.nullable(),
}
export const snapshot = schemaOf<SnapshotSummary>()(z.strictObject(snapshotFields))

export const snapshotItem = z.strictObject({
  id: itemId,
  kind,
  engine: z.string().nullable(),
  service: z.string().nullable(),
  method,
  consistency,
  criticality,
  outcome: z.string(),
  reason: words.nullable(),
  counts: z.record(z.string(), z.number()).describe('Rows by table.'),
  countsExact: z.boolean(),
  warnings: z.array(words),
})

export const checkRow = z.strictObject({
  name: z.string(),
  expected: z.string(),
  actual: z.string(),
  ok: z.boolean(),
})

/** One snapshot's check. */
export const checkFields = {
  snapshot: z.string(),
  outcome: z.enum(['ok', 'failed']),
  readData: z.boolean(),
  items: z.array(z.strictObject({ id: itemId, checks: z.array(checkRow) })),
  restoreMs: milliseconds.nullable(),
  leftovers: z.array(z.string()),
}
export const checkReport = schemaOf<CheckReport>()(z.strictObject(checkFields))

export const fileEntry = schemaOf<FileEntry>()(
  z.strictObject({
    path: z.string(),
    type: z.enum([
      'file',
      'directory',
      'symlink',
      'hardlink',
      'fifo',
      'socket',
      'block',
      'character',
    ]),
    sizeBytes: bytes,
    mode: count,
    uid: count,
    gid: count,
    modified: time,
    linkTarget: z.string().nullable(),
  }),
)

/** The four parts of an error, in a job's record. */
const jobError = z.strictObject({
  code: z.string(),
  message: words,
  state: words,
  hint: words,
  details: z.string().exactOptional(),
})

const jobKind = z.enum(['backup', 'check', 'restore', 'undo', 'drill', 'extract', 'import'])

/** Where a job is. */
export const progressFields = {
  jobId: z.string(),
  kind: jobKind,
  stage: z.enum(['detect', 'plan', 'capture', 'store', 'verify', 'restore', 'health', 'done']),
  phase: words,
  item: z.string().nullable(),
  bytesDone: bytes,
  bytesTotal: bytes.nullable(),
  bytesPerSecond: z.number().min(0),
  etaMs: milliseconds.nullable(),
  stalledMs: milliseconds,
  safety: words,
  itemsDone: count,
  itemsTotal: count,
}
const progress = schemaOf<JobProgress>()(z.strictObject(progressFields))

/** A line of a job's log. */
export const eventFields = {
  jobId: z.string(),
  time,
  level: z.enum(['info', 'warning', 'error']),
  message: words,
}
schemaOf<JobEvent>()(z.strictObject(eventFields))

export const jobSummary = schemaOf<JobSummary>()(
  z.strictObject({
    jobId: z.string(),
    kind: jobKind,
    host: z.string().nullable(),
    stack: z.string().nullable(),
    startedAt: time,
    finishedAt: time.nullable(),
    state: z.enum(['running', 'complete', 'partial', 'failed', 'cancelled']),
    progress: progress.nullable(),
    error: jobError.nullable(),
  }),
)

export const excluded = z.array(z.strictObject({ item: z.string(), reason: words }))
