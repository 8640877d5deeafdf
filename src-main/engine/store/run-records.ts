import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'

import type { JobSummary } from '../../contract/model.ts'
import { makeFolder, replaceFile } from '../lib/durable.ts'

/** Records that are kept; older ones are removed. */
const keep = 10_000

function folderOf(stateFolder: string): string {
  return path.join(stateFolder, 'runs')
}

/** Sorts by start; the job's id makes it one of a kind. */
function nameOf(run: JobSummary): string {
  const start = run.startedAt.replace(/[^0-9TZ]/g, '')
  return `${start}-${run.jobId.replace(/[^A-Za-z0-9_-]/g, '_')}.json`
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter(name => /^\d.*\.json$/.test(name)).sort()
}

/**
 * Leaves a record of an attempt, however it ended (requirement U7). Written again as the job goes on:
 * the last one counts. A record that still says `running` after its process has gone is a crash.
 */
export async function writeRun(stateFolder: string, run: JobSummary): Promise<void> {
  const folder = folderOf(stateFolder)
  await makeFolder(folder)
  await replaceFile(path.join(folder, nameOf(run)), `${JSON.stringify(run, null, 2)}\n`)
  const names = await namesIn(folder)
  for (const name of names.slice(0, Math.max(0, names.length - keep))) {
    await rm(path.join(folder, name), { force: true })
  }
}

function parse(text: string): JobSummary | null {
  try {
    const run = JSON.parse(text) as Partial<JobSummary> | null
    return typeof run?.jobId === 'string' && typeof run.startedAt === 'string'
      ? (run as JobSummary)
      : null
  } catch {
    return null
  }
}

/** The newest `limit` records, newest first. One that cannot be read is passed over and stays on disk. */
export async function listRuns(stateFolder: string, limit = 1000): Promise<readonly JobSummary[]> {
  const folder = folderOf(stateFolder)
  const runs: JobSummary[] = []
  for (const name of (await namesIn(folder)).reverse()) {
    if (runs.length === limit) break
    const text = await readFile(path.join(folder, name), 'utf8').catch(() => '')
    const run = parse(text)
    if (run !== null) runs.push(run)
  }
  return runs
}
