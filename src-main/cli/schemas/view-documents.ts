import { z } from 'zod'

import type { DoctorReport, Paths, Status } from '../../contract/reports.ts'
import type { DemoReport } from '../demo/run-demo.ts'
import {
  jobSummary,
  milliseconds,
  schemaOf,
  snapshotFields,
  stack,
  time,
  version,
  words,
} from './parts.ts'

export const doctor = schemaOf<DoctorReport>()(
  z.strictObject({
    ...version,
    ok: z.boolean(),
    checks: z.array(
      z.strictObject({
        name: z.string(),
        state: z.enum(['ok', 'warning', 'failed']),
        message: words,
        hint: words.nullable(),
      }),
    ),
  }),
)

export const paths = schemaOf<Paths>()(
  z.strictObject({
    ...version,
    config: z.string(),
    state: z.string(),
    cache: z.string(),
    repository: z.string(),
    settingsFile: z.string(),
  }),
)

const level = z.enum(['ok', 'warning', 'critical'])
export const status = schemaOf<Status>()(
  z.strictObject({
    ...version,
    outcome: level,
    stacks: z.array(
      z.strictObject({
        host: z.string(),
        stack: z.string(),
        level,
        promiseMs: milliseconds,
        newest: z
          .strictObject({
            snapshot: z.string(),
            time,
            ageMs: z.number(),
            proof: snapshotFields.proof,
          })
          .nullable(),
        coverage: stack.shape.coverage.nullable(),
        lastAttempt: z
          .strictObject({
            at: time,
            state: jobSummary.shape.state,
            message: words.nullable(),
          })
          .nullable(),
        problems: z.array(
          z.strictObject({
            code: z.enum([
              'never-backed-up',
              'promise-broken',
              'last-attempt-failed',
              'last-attempt-partial',
              'not-covered',
              'snapshot-unusable',
            ]),
            level: level.exclude(['ok']),
            message: words,
            hint: words,
          }),
        ),
      }),
    ),
    hosts: z.array(z.strictObject({ host: z.string(), problem: words.nullable() })),
    failures: z.array(jobSummary),
  }),
)

export const demo = schemaOf<DemoReport>()(
  z.strictObject({
    ...version,
    outcome: z.enum(['ok', 'failed']),
    sample: z.enum(['docker', 'folder']),
    host: z.string(),
    stack: z.string(),
    snapshot: z.string(),
    safetySnapshot: z.string().nullable(),
    steps: z.array(
      z.strictObject({
        name: z.enum(['find', 'plan', 'backup', 'check', 'damage', 'restore', 'compare']),
        durationMs: milliseconds,
      }),
    ),
    facts: z.strictObject({
      total: z.int(),
      equal: z.int(),
      differences: z.array(
        z.strictObject({
          fact: z.string(),
          before: z.string().nullable(),
          after: z.string().nullable(),
        }),
      ),
    }),
    kept: z.string().nullable(),
    durationMs: milliseconds,
  }),
)
