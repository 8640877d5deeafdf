import { z } from 'zod'

import { error, streamLine } from './errors-and-lines.ts'
import { backup, plan, restore, restorePlan, snapshotDetail } from './job-documents.ts'
import {
  bytes,
  checkFields,
  checkReport,
  fileEntry,
  host,
  jobSummary,
  snapshot,
  stack,
  version,
} from './parts.ts'
import { demo, doctor, paths, status } from './view-documents.ts'

interface PublishedDocument {
  /** Commands that print it with `--json`. */
  readonly commands: readonly string[]
  readonly about: string
  readonly schema: z.ZodType
}

/** Every document of the command line, by the name of its schema file. */
export const documents = {
  stacks: {
    commands: ['stacks'],
    about: 'The stacks of a host, each with its whole ledger.',
    schema: z.strictObject({ ...version, stacks: z.array(stack) }),
  },
  plan: {
    commands: ['plan', 'backup --dry-run'],
    about: 'What a backup would do.',
    schema: plan,
  },
  backup: { commands: ['backup'], about: 'What a backup did.', schema: backup },
  'snapshots-list': {
    commands: ['snapshots', 'snapshots list'],
    about: 'The snapshots of a repository, newest first.',
    schema: z.strictObject({ ...version, snapshots: z.array(snapshot) }),
  },
  'snapshots-show': {
    commands: ['snapshots show'],
    about: 'What one snapshot holds.',
    schema: z.strictObject({ ...version, snapshot: snapshotDetail }),
  },
  'snapshots-files': {
    commands: ['snapshots files'],
    about: 'Files of an item of a snapshot.',
    schema: z.strictObject({ ...version, total: z.int(), entries: z.array(fileEntry) }),
  },
  'snapshots-extract': {
    commands: ['snapshots extract'],
    about: 'What was taken out of a snapshot.',
    schema: z.strictObject({ ...version, files: z.int(), bytes, to: z.string() }),
  },
  'snapshots-pin': {
    commands: ['snapshots pin', 'snapshots unpin'],
    about: 'The snapshot after it was pinned or not.',
    schema: z.strictObject({ ...version, snapshot }),
  },
  check: {
    commands: ['check SNAPSHOT'],
    about: 'What was compared in one snapshot.',
    schema: z.strictObject({ ...version, ...checkFields }),
  },
  'check-all': {
    commands: ['check --all'],
    about: 'What was compared in all snapshots.',
    schema: z.strictObject({
      ...version,
      outcome: checkFields.outcome,
      checks: z.array(checkReport),
    }),
  },
  'restore-plan': {
    commands: ['restore --dry-run', 'undo --dry-run'],
    about: 'What a restore would do, and what stands in its way.',
    schema: restorePlan,
  },
  restore: { commands: ['restore', 'undo'], about: 'What a restore did.', schema: restore },
  status: {
    commands: ['status'],
    about: 'Whether the promises are kept, stack by stack.',
    schema: status,
  },
  audit: {
    commands: ['audit'],
    about: 'Every attempt, newest first.',
    schema: z.strictObject({ ...version, runs: z.array(jobSummary) }),
  },
  'hosts-list': {
    commands: ['hosts', 'hosts list'],
    about: 'The hosts that were found.',
    schema: z.strictObject({ ...version, hosts: z.array(host) }),
  },
  host: {
    commands: ['hosts test', 'hosts add', 'hosts trust'],
    about: 'One host.',
    schema: z.strictObject({ ...version, host }),
  },
  'hosts-remove': {
    commands: ['hosts remove'],
    about: 'The name that was forgotten.',
    schema: z.strictObject({ ...version, removed: z.string() }),
  },
  doctor: {
    commands: ['doctor'],
    about: 'What works here and what does not.',
    schema: doctor,
  },
  paths: { commands: ['paths'], about: 'The folders in use.', schema: paths },
  completion: {
    commands: ['completion'],
    about: 'A completion script.',
    schema: z.strictObject({ ...version, shell: z.string(), script: z.string() }),
  },
  serve: {
    commands: ['serve'],
    about: 'Where the app can be opened, printed when it can.',
    schema: z.strictObject({ ...version, url: z.url(), port: z.int() }),
  },
  version: {
    commands: ['--version'],
    about: 'The version.',
    schema: z.strictObject({ ...version, version: z.string() }),
  },
  demo: { commands: ['demo'], about: 'What the demo did and found.', schema: demo },
  error: {
    commands: [],
    about: 'The last document of every command that failed.',
    schema: error,
  },
  'stream-line': {
    commands: [],
    about: 'One line of `--json-stream`.',
    schema: streamLine,
  },
} as const satisfies Readonly<Record<string, PublishedDocument>>

export type DocumentName = keyof typeof documents
