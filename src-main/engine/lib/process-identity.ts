import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Who a running process is, so that it can be told later whether it still runs. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start of the process in clock ticks since boot, so that a reused pid is told apart; null where the system does not say. */
  readonly processStart: string | null
  /** Hash of what identifies this computer (and the namespace of its pids); null where the system does not say. */
  readonly machine: string | null
  readonly hostName: string
  /** Changes with each start of the computer; null where the system does not say. */
  readonly bootId: string | null
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}

/** Start of a process in clock ticks since boot, from /proc; null when there is none. */
export function processStartOf(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`)
  // The name in brackets may hold spaces and brackets itself: fields are counted from its end.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function machineOf(): string | null {
  const id = read('/etc/machine-id') ?? read('/var/lib/dbus/machine-id')
  if (id === null || id === '') return null
  let namespace = ''
  try {
    namespace = readlinkSync('/proc/self/ns/pid')
  } catch {
    // No /proc: one namespace of pids.
  }
  return createHash('sha256').update(`${id} ${namespace}`).digest('hex').slice(0, 32)
}

let own: ProcessIdentity | null = null

/** This process. */
export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    processStart: processStartOf(process.pid),
    machine: machineOf(),
    hostName: hostname(),
    bootId: read('/proc/sys/kernel/random/boot_id'),
  }
  return own
}

/**
 * Whether a process still runs: `unknown` when it belongs to another computer or when this one cannot
 * tell.
 */
export function stateOf(other: ProcessIdentity): 'running' | 'gone' | 'unknown' {
  const self = thisProcess()
  if (other.hostName !== self.hostName || other.machine !== self.machine) return 'unknown'
  if (other.bootId !== self.bootId) {
    return self.machine !== null && other.bootId !== null && self.bootId !== null
      ? 'gone'
      : 'unknown'
  }
  try {
    process.kill(other.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'running'
  }
  const start = processStartOf(other.pid)
  return start !== null && other.processStart !== null && start !== other.processStart
    ? 'gone'
    : 'running'
}
