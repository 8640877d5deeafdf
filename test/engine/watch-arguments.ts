import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

import type { Docker } from '../../lab/docker.ts'

export interface ArgumentWatch {
  /** Ends the watching; may be called again. */
  stop(): Promise<{
    /** Argument vectors that were seen, a line each. */
    readonly seen: readonly string[]
  }>
}

/**
 * Sees the arguments of programs while it runs: of every command that the engine executes in a container, as
 * the engine itself reports it, and of whatever process of this machine lives long enough to be looked at.
 */
export function watchArguments(docker: Docker): ArgumentWatch {
  const seen = new Set<string>()
  const look = setInterval(() => {
    for (const line of processes()) seen.add(line)
  }, 50)
  const events = spawn('docker', ['events', '--filter', 'type=container'], {
    env: docker.environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  events.stdout.setEncoding('utf8')
  events.stdout.on('data', (chunk: string) => {
    text += chunk
  })
  const ended = new Promise<void>(resolve => events.once('close', () => resolve()))
  return {
    async stop() {
      clearInterval(look)
      events.kill()
      await ended
      return { seen: [...seen, ...text.split('\n').filter(line => line.includes('exec_create'))] }
    },
  }
}

function processes(): readonly string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        return [readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')]
      } catch {
        return [] // It ended meanwhile.
      }
    })
}
