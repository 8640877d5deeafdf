import { z } from 'zod'

import type { BackupPlan, BackupReport, RestorePlan, RestoreReport } from '../../contract/model.ts'
import type { SnapshotDetail } from '../../contract/reports.ts'
import { wireError } from './errors-and-lines.ts'
import {
  bytes,
  checkRow,
  excluded,
  itemResult,
  milliseconds,
  outcome,
  schemaOf,
  snapshotFields,
  snapshotItem,
  time,
  version,
  words,
} from './parts.ts'

const names = z.array(z.string())

export const plan = schemaOf<BackupPlan>()(
  z.strictObject({
    ...version,
    planId: z.string(),
    host: z.string(),
    stack: z.string(),
    repository: z.string(),
    steps: z.array(
      z.strictObject({
        order: z.int().min(1),
        action: z.enum([
          'copy-config',
          'quiesce',
          'begin-dump',
          'copy-sqlite',
          'copy-volume',
          'copy-bind',
          'mirror-bucket',
          'resume',
          'dump',
          'write-manifest',
        ]),
        item: z.string().nullable(),
        service: z.string().nullable(),
        detail: words,
        stops: z.boolean(),
        estimatedBytes: bytes.nullable(),
        leaveOut: names.exactOptional(),
      }),
    ),
    downtime: z.array(
      z.strictObject({
        service: z.string(),
        how: z.enum(['stop', 'pause']),
        reason: words,
        graceMs: milliseconds,
      }),
    ),
    excluded,
    warnings: z.array(words),
    estimatedBytes: bytes,
  }),
)

export const backup = schemaOf<BackupReport>()(
  z.strictObject({
    ...version,
    snapshot: z.string(),
    stack: z.string(),
    outcome,
    items: z.array(itemResult),
    durationMs: milliseconds,
    downtimeMs: milliseconds,
    warnings: z.array(words),
  }),
)

export const snapshotDetail = schemaOf<SnapshotDetail>()(
  z.strictObject({
    ...snapshotFields,
    folder: z.string(),
    items: z.array(snapshotItem),
    artifacts: z.array(
      z.strictObject({
        path: z.string(),
        item: z.string(),
        codec: z.string(),
        encryption: z.string(),
        plainBytes: bytes,
        storedBytes: bytes,
        sha256: z.string(),
        entries: z.int().nullable(),
      }),
    ),
    excluded,
    warnings: z.array(words),
    downtimeMs: milliseconds,
    durationMs: milliseconds,
    lifeboatVersion: z.string(),
  }),
)

export const restorePlan = schemaOf<RestorePlan>()(
  z.strictObject({
    ...version,
    planId: z.string(),
    host: z.string(),
    stack: z.string(),
    snapshot: z.string(),
    items: names,
    steps: z.array(
      z.strictObject({
        order: z.int().min(1),
        action: z.enum([
          'safety-snapshot',
          'restore-config',
          'create-network',
          'create-volume',
          'create-container',
          'start-database',
          'stage',
          'stop',
          'switch',
          'start',
          'health',
          'finish',
        ]),
        item: z.string().nullable(),
        service: z.string().nullable(),
        detail: words,
        changes: z.boolean(),
      }),
    ),
    differences: z.array(
      z.strictObject({ item: z.string(), now: words, snapshot: words, replaces: z.boolean() }),
    ),
    blockers: z.array(z.strictObject({ code: z.string(), message: words, hint: words })),
    warnings: z.array(words),
    notRestored: excluded,
  }),
)

export const restore = schemaOf<RestoreReport>()(
  z.strictObject({
    ...version,
    restore: z.string(),
    stack: z.string(),
    snapshot: z.string(),
    outcome,
    safetySnapshot: z.string().nullable(),
    items: z.array(
      z.strictObject({
        id: z.string(),
        outcome: z.enum(['restored', 'failed', 'rolled-back', 'skipped']),
        checks: z.array(checkRow),
        error: words.nullable(),
      }),
    ),
    health: z.strictObject({ ok: z.boolean(), detail: words }),
    rolledBack: z.boolean(),
    undoUntil: time.nullable(),
    durationMs: milliseconds,
    warnings: z.array(words),
    error: wireError.nullable().describe('Why it did not end well; null when it did.'),
  }),
)
