import { z } from 'zod'

import type {
  BackupPlan,
  BackupReport,
  CheckReport,
  FileEntry,
  HostSummary,
  JobEvent,
  JobProgress,
  JobSummary,
  RestorePlan,
  RestoreReport,
  SnapshotSummary,
  Stack,
  StackPolicy,
} from './model.ts'
import type {
  DoctorReport,
  Paths,
  RepairReport,
  Settings,
  SnapshotDetail,
  Status,
  UndoEntry,
} from './reports.ts'

/** Marks a result's type in the request table; there is nothing at run time. */
function type<T>(): T {
  return undefined as T
}

const text = z.string().min(1).max(4096)
const host = text.describe(
  'host id: local, a saved name, context:NAME, unix:///…, ssh://…, folder:/…',
)
const stack = z.string().min(1).max(400)
const repository = text.optional().describe('repository folder; the default one when left out')
const only = z.array(text).max(10_000).optional()
const snapshot = text.describe(
  'snapshot id, or the end of one that is unique, or a stack name for its newest',
)

export const policySchema = z.strictObject({
  exclude: z.array(text),
  include: z.array(text),
  quiesce: z.enum(['auto', 'stop', 'pause', 'none']),
  engines: z.record(
    z.string(),
    z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  ),
  healthUrl: z.url().nullable(),
  healthTimeoutMs: z.number().int().min(1000).max(86_400_000),
  promiseMs: z.number().int().min(60_000),
})

/**
 * Every request that the engine answers. Arguments are one object of plain data, checked before the
 * handler sees them; results are plain data. Long work answers with a `jobId` at once and tells of its
 * progress by events: subscribe first, then ask.
 */
export const requests = {
  'doctor.run': { args: z.strictObject({}), result: type<DoctorReport>() },
  'paths.get': { args: z.strictObject({}), result: type<Paths>() },
  'repair.run': { args: z.strictObject({}), result: type<RepairReport>() },
  'settings.get': { args: z.strictObject({}), result: type<Settings>() },
  'settings.setPolicy': {
    args: z.strictObject({ host, stack, policy: policySchema.partial() }),
    result: type<StackPolicy>(),
  },
  'settings.setRepository': { args: z.strictObject({ path: text }), result: type<Settings>() },

  'host.list': {
    args: z.strictObject({ test: z.boolean().optional() }),
    result: type<readonly HostSummary[]>(),
  },
  'host.test': { args: z.strictObject({ host }), result: type<HostSummary>() },
  'host.add': { args: z.strictObject({ name: text, address: text }), result: type<HostSummary>() },
  'host.trust': {
    args: z.strictObject({ host, fingerprint: text.optional(), accept: z.boolean().optional() }),
    result: type<HostSummary>(),
  },
  'host.remove': { args: z.strictObject({ name: text }), result: type<null>() },

  'stack.list': { args: z.strictObject({ host }), result: type<readonly Stack[]>() },
  'stack.get': { args: z.strictObject({ host, stack }), result: type<Stack>() },

  'backup.plan': {
    args: z.strictObject({ host, stack, only, repository }),
    result: type<BackupPlan>(),
  },
  'backup.start': {
    args: z.strictObject({ host, stack, only, repository }),
    result: type<{ readonly jobId: string }>(),
  },

  'snapshot.list': {
    args: z.strictObject({ repository, host: host.optional(), stack: stack.optional() }),
    result: type<readonly SnapshotSummary[]>(),
  },
  'snapshot.show': {
    args: z.strictObject({ repository, snapshot }),
    result: type<SnapshotDetail>(),
  },
  'snapshot.files': {
    args: z.strictObject({
      repository,
      snapshot,
      item: text,
      /** Folder inside the item whose children are wanted; '' is the top. */
      folder: z.string().max(4096).optional(),
      /** Case-insensitive part of a path; lists matches anywhere in the item. */
      search: z.string().max(400).optional(),
      offset: z.number().int().min(0).optional(),
      limit: z.number().int().min(1).max(10_000).optional(),
    }),
    result: type<{ readonly total: number; readonly entries: readonly FileEntry[] }>(),
  },
  'snapshot.extract': {
    args: z.strictObject({ repository, snapshot, item: text, paths: z.array(text), to: text }),
    result: type<{ readonly jobId: string }>(),
  },
  'snapshot.pin': {
    args: z.strictObject({ repository, snapshot, pinned: z.boolean() }),
    result: type<SnapshotSummary>(),
  },

  'check.start': {
    args: z.strictObject({
      repository,
      snapshots: z.array(text).optional(),
      readData: z.boolean(),
    }),
    result: type<{ readonly jobId: string }>(),
  },

  'restore.plan': {
    args: z.strictObject({ repository, snapshot, host: host.optional(), only }),
    result: type<RestorePlan>(),
  },
  'restore.start': {
    args: z.strictObject({
      repository,
      snapshot,
      host: host.optional(),
      only,
      /** Must equal the stack's name, letter by letter. */
      confirm: z.string().max(400),
    }),
    result: type<{ readonly jobId: string }>(),
  },
  'undo.list': { args: z.strictObject({}), result: type<readonly UndoEntry[]>() },
  'undo.plan': { args: z.strictObject({ restore: text.optional() }), result: type<RestorePlan>() },
  'undo.start': {
    args: z.strictObject({ restore: text.optional(), confirm: z.string().max(400) }),
    result: type<{ readonly jobId: string }>(),
  },

  /** Are the promises kept: age, coverage and proof of each stack. */
  'status.get': {
    args: z.strictObject({
      repository,
      /** This host alone; else this computer and every host that has snapshots. */
      host: host.optional(),
      /** Do not ask the hosts what is there now. */
      offline: z.boolean().optional(),
    }),
    result: type<Status>(),
  },

  'job.list': { args: z.strictObject({}), result: type<readonly JobSummary[]>() },
  'job.get': { args: z.strictObject({ jobId: text }), result: type<JobSummary>() },
  'job.cancel': { args: z.strictObject({ jobId: text }), result: type<null>() },
  'run.list': {
    args: z.strictObject({ limit: z.number().int().min(1).max(10_000).optional() }),
    result: type<readonly JobSummary[]>(),
  },
} as const

export type RequestName = keyof typeof requests
export type ArgsOf<N extends RequestName> = z.input<(typeof requests)[N]['args']>
export type ResultOf<N extends RequestName> = (typeof requests)[N]['result']

/** What a finished job hands over, by kind of job. */
export type JobResult =
  | { readonly kind: 'backup'; readonly report: BackupReport }
  | { readonly kind: 'check'; readonly reports: readonly CheckReport[] }
  | { readonly kind: 'restore'; readonly report: RestoreReport }
  | {
      readonly kind: 'extract'
      readonly files: number
      readonly bytes: number
      readonly to: string
    }

/** What the engine tells without being asked. */
export interface Events {
  readonly 'job.progress': JobProgress
  readonly 'job.event': JobEvent
  readonly 'job.finished': { readonly job: JobSummary; readonly result: JobResult | null }
}
export type EventName = keyof Events

/** The handlers behind the contract: a missing or misspelt request does not compile. */
export type Handlers = {
  readonly [N in RequestName]: (
    args: z.output<(typeof requests)[N]['args']>,
  ) => Promise<ResultOf<N>>
}

/** What the app, the command line and the tests talk to. */
export interface Client {
  /** Asks the engine; rejects with an `AppError`. */
  call<N extends RequestName>(name: N, args: ArgsOf<N>): Promise<ResultOf<N>>
  /** Listens to an event; returns the function that stops listening. */
  on<N extends EventName>(name: N, listener: (payload: Events[N]) => void): () => void
}
