import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { EngineId } from '../engines/registry.ts'
import { labPaths } from './paths.ts'

/** What the lab has on this machine. Written by the set-up as JSON, read by test runners. */
export interface LabSummary {
  readonly version: 1
  readonly root: boolean
  readonly engines: readonly EngineSummary[]
  /** Programs by name; null where it is not there. */
  readonly tools: Readonly<Record<string, string | null>>
  /** The real Electron's folder and program, when it was asked for and is there. */
  readonly electron: { readonly folder: string; readonly program: string } | null
  /** Groups that are complete. */
  readonly ready: readonly string[]
  /** What keeps the other groups from being complete, and what to do about it. */
  readonly missing: readonly MissingPart[]
}

export interface EngineSummary {
  readonly id: EngineId
  readonly running: boolean
  readonly version: string | null
  readonly socket: string
  readonly images: readonly string[]
}

export interface MissingPart {
  readonly group: string
  readonly what: string
  /** A command to type, or null where no command helps. */
  readonly install: string | null
}

export async function writeSummary(summary: LabSummary): Promise<void> {
  const file = labPaths().summary
  await mkdir(dirname(file), { recursive: true })
  const partial = `${file}.${process.pid}`
  await writeFile(partial, `${JSON.stringify(summary, null, 2)}\n`)
  await rename(partial, file)
}

/** The summary of the last set-up; undefined when none was made. */
export async function readSummary(): Promise<LabSummary | undefined> {
  const text = await readFile(labPaths().summary, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as LabSummary)
}
