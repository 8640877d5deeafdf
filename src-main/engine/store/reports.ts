import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

import type { ProofLevel } from '../../contract/model.ts'
import { makeFolder, replaceFile } from '../lib/durable.ts'

export const REPORT_SCHEMA = 'urn:lifeboat:schema:report:1'

const checkReport = z.strictObject({
  snapshot: z.string(),
  outcome: z.enum(['ok', 'failed']),
  readData: z.boolean(),
  items: z.array(
    z.strictObject({
      id: z.string(),
      checks: z.array(
        z.strictObject({
          name: z.string(),
          expected: z.string(),
          actual: z.string(),
          ok: z.boolean(),
        }),
      ),
    }),
  ),
  restoreMs: z.number().nullable(),
  leftovers: z.array(z.string()),
})

/** A report beside a snapshot: what was found out about it after it was made. */
export const reportSchema = z.strictObject({
  $schema: z.literal(REPORT_SCHEMA),
  schemaVersion: z.literal(1),
  kind: z.enum(['check', 'drill']),
  at: z.iso.datetime(),
  /** Version of Lifeboat that made it. */
  lifeboat: z.string(),
  report: checkReport,
})
export type StoredReport = z.infer<typeof reportSchema>
export type ReportKind = StoredReport['kind']

/** Reports of one kind that are kept. */
const keep = 30

/** What is known of a snapshot's worth. */
export interface Proof {
  readonly level: ProofLevel
  readonly at: string | null
  /** True when a test failed and none as deep has succeeded since. */
  readonly failed: boolean
}

export const recordedOnly: Proof = { level: 'recorded', at: null, failed: false }

/** How much a report looks at: names and sizes, every byte, a real restore. */
function depthOf({ kind, report }: StoredReport): number {
  if (kind === 'drill') return 3
  return report.readData ? 2 : 1
}

/** Sums reports up, in any order. Pure. */
export function proofOf(reports: readonly StoredReport[]): Proof {
  let failedDepth = 0
  let proof: Proof = recordedOnly
  for (const each of reports.toSorted((a, b) => a.at.localeCompare(b.at))) {
    const depth = depthOf(each)
    if (each.report.outcome === 'failed') {
      failedDepth = Math.max(failedDepth, depth)
      proof = recordedOnly
      continue
    }
    if (depth >= failedDepth) failedDepth = 0
    const level = depth === 3 ? 'drilled' : 'checked'
    const isDeeper = level === 'drilled' || proof.level !== 'drilled'
    if (depth > 1 && isDeeper) proof = { level, at: each.at, failed: false }
  }
  return failedDepth > 0 ? { ...recordedOnly, failed: true } : proof
}

/** Reports in a `.reports` folder; a damaged one counts as none. */
export async function readReports(folder: string): Promise<StoredReport[]> {
  const names = await readdir(folder).catch(() => [])
  const reports: StoredReport[] = []
  for (const name of names.filter(each => /^(?:check|drill)-.*\.json$/.test(each))) {
    try {
      reports.push(reportSchema.parse(JSON.parse(await readFile(path.join(folder, name), 'utf8'))))
    } catch {
      continue
    }
  }
  return reports.toSorted((a, b) => a.at.localeCompare(b.at))
}

/** Writes a report beside its snapshot and removes the oldest of its kind beyond 30. */
export async function writeReport(folder: string, stored: StoredReport): Promise<void> {
  await makeFolder(folder)
  const stamp = stored.at.replace(/[-:]/g, '')
  const text = `${JSON.stringify(reportSchema.parse(stored), null, 2)}\n`
  await replaceFile(path.join(folder, `${stored.kind}-${stamp}.json`), text)
  const names = (await readdir(folder)).filter(name => name.startsWith(`${stored.kind}-`)).sort()
  for (const name of names.slice(0, -keep)) await rm(path.join(folder, name), { force: true })
}
