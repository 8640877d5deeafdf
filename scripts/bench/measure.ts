import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What one run of a command cost. */
export interface Cost {
  readonly milliseconds: number
  /** Peak resident memory of the process itself, bytes; null where the system does not tell. */
  readonly peakBytes: number | null
  readonly output: string
}

/** Runs a command and waits for it. Rejects with the end of what it said when it fails. */
export async function timed(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  acceptCodes: readonly number[] = [0],
): Promise<Cost> {
  const [program = '', ...rest] = argv
  const started = performance.now()
  const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let said = ''
  let peakBytes: number | null = null
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-4000)))
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes ?? 0, peakOf(child.pid) ?? 0) || null
  }, 50)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).finally(() => clearInterval(watch))
  const milliseconds = performance.now() - started
  if (code === null || !acceptCodes.includes(code)) {
    throw new Error(`${argv.slice(0, 4).join(' ')} … ended with ${code}:\n${said || output}`)
  }
  return { milliseconds, peakBytes, output }
}

function peakOf(pid: number | undefined): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * 1024
  } catch {
    return null
  }
}

/** One way of doing the work. */
export interface Way {
  readonly name: string
  run(round: number): Promise<Cost>
}

export interface Measured {
  readonly name: string
  readonly costs: readonly Cost[]
}

/**
 * Runs each way once per round, one after the other, so that what slows the machine down for a while slows
 * down all of them. The first way of a round changes, so that none always finds the caches cold.
 */
export async function interleaved(
  ways: readonly Way[],
  rounds: number,
  tell: (line: string) => void,
): Promise<readonly Measured[]> {
  const costs = new Map<string, Cost[]>(ways.map(each => [each.name, []]))
  for (let round = 0; round < rounds; round += 1) {
    const order = ways
      .map((_, index) => ways[(index + round) % ways.length])
      .filter(each => each !== undefined)
    for (const way of order) {
      const cost = await way.run(round)
      costs.get(way.name)?.push(cost)
      tell(`  round ${round + 1}: ${way.name}: ${(cost.milliseconds / 1000).toFixed(2)} s`)
    }
  }
  return ways.map(({ name }) => ({ name, costs: costs.get(name) ?? [] }))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Median time of a way, milliseconds. */
export function timeOf(measured: Measured): number {
  return median(measured.costs.map(each => each.milliseconds))
}

/** Largest peak memory of a way, bytes. */
export function peakOfAll(measured: Measured): number {
  return Math.max(0, ...measured.costs.map(each => each.peakBytes ?? 0))
}

/** Median of the ratios within each round: what both ways met in that round cancels out. */
export function ratio(measured: Measured, base: Measured): number {
  const pairs = measured.costs.map((cost, index) => {
    return cost.milliseconds / (base.costs[index]?.milliseconds ?? Number.NaN)
  })
  return median(pairs)
}
