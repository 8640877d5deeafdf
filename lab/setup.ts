import { spawn } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { type GroupName, groupNames, groups, slowGroups } from './groups/all.ts'
import { withLock } from './lib/lock.ts'
import { labPaths } from './lib/paths.ts'
import { type Report, silentReport, stderrReport } from './lib/report.ts'
import { takeStock } from './lib/stock.ts'
import type { LabSummary, MissingPart } from './lib/summary.ts'
import { isRoot, LabNeeds } from './lib/system.ts'

export interface SetupOptions {
  /** Groups to set up; all when left out, the slow ones in a process of their own. */
  readonly only?: readonly GroupName[]
  readonly report?: Report
}

/** Exit codes of `node lab/setup.ts`. */
export const exitCodes = { ready: 0, failed: 1, usage: 2, incomplete: 3 } as const

/**
 * Sets the lab up, as far as it is not there yet, and writes the summary. Never throws for a part that
 * cannot be had: it is in `missing`, with the command that brings it. Throws when a part that should
 * work fails.
 */
export async function setupLab(options: SetupOptions = {}): Promise<LabSummary> {
  const report = options.report ?? silentReport
  const chosen = options.only ?? groupNames.filter(name => !slowGroups.includes(name))
  const missing: MissingPart[] = []
  const slow = chosen.filter(name => slowGroups.includes(name))
  const quick = chosen.filter(name => !slowGroups.includes(name))
  await mkdir(labPaths().cache, { recursive: true })
  if (quick.length > 0) {
    await withLock(join(labPaths().cache, 'setup.lock'), async () => {
      missing.push(...(await runGroups(quick, report)))
    })
  }
  if (slow.length > 0) {
    await withLock(join(labPaths().cache, 'slow.lock'), async () => {
      for (const name of slow) missing.push(...(await runGroups([name], report)))
    })
  }
  const summary = await takeStock(chosen, missing)
  if (options.only === undefined && isRoot()) await startSlowGroups(report)
  return summary
}

/** Groups side by side, each after those it builds on. */
async function runGroups(
  chosen: readonly GroupName[],
  report: Report,
): Promise<readonly MissingPart[]> {
  const missing: MissingPart[] = []
  const running = new Map<GroupName, Promise<void>>()
  const start = (name: GroupName): Promise<void> => {
    const before = groups[name].after.filter(other => chosen.includes(other))
    const work = Promise.all(before.map(other => running.get(other) ?? Promise.resolve()))
      .then(() => groups[name].ensure(report))
      .catch((error: unknown) => {
        if (!(error instanceof LabNeeds)) throw error
        missing.push({ group: name, what: error.message, install: error.install })
      })
    running.set(name, work)
    return work
  }
  const outcomes = await Promise.allSettled(chosen.map(start))
  const failed = outcomes.find(outcome => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return missing
}

/** Minutes of compiling that nobody should wait for; whoever needs the result waits on its lock. */
async function startSlowGroups(report: Report): Promise<void> {
  const outdated: GroupName[] = []
  for (const name of slowGroups) if (!(await groups[name].isReady())) outdated.push(name)
  if (outdated.length === 0) return
  const file = join(labPaths().cache, 'slow.log')
  report.say(`making ${outdated.join(', ')} in the background; log: ${file}`)
  const log = await open(file, 'a')
  const argv = ['-n', '19', process.execPath, join(import.meta.dirname, 'setup.ts')]
  const child = spawn('nice', [...argv, '--only', outdated.join(',')], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.unref()
  await log.close()
}

function chosenGroups(text: string | undefined): readonly GroupName[] | undefined {
  if (text === undefined) return undefined
  return text.split(',').map(name => {
    const known = groupNames.find(candidate => candidate === name)
    if (known === undefined) {
      throw new RangeError(`no group is called ${name}; there are ${groupNames.join(', ')}`)
    }
    return known
  })
}

async function main(): Promise<number> {
  let only: readonly GroupName[] | undefined
  try {
    const { values } = parseArgs({ options: { only: { type: 'string' } } })
    only = chosenGroups(values.only)
  } catch (error) {
    stderrReport.say((error as Error).message)
    return exitCodes.usage
  }
  const summary = await setupLab({ ...(only === undefined ? {} : { only }), report: stderrReport })
  for (const part of summary.missing) stderrReport.say(`${part.group}: ${part.what}`)
  stderrReport.say(`ready: ${summary.ready.join(', ') || 'nothing'} (${labPaths().summary})`)
  return summary.missing.length === 0 ? exitCodes.ready : exitCodes.incomplete
}

if (import.meta.main) {
  process.exitCode = await main().catch((error: unknown) => {
    stderrReport.say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    return exitCodes.failed
  })
}
