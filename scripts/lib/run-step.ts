import { spawn } from 'node:child_process'

export interface Finished {
  /** Exit code; null when it was ended by a signal. */
  readonly code: number | null
  readonly timedOut: boolean
  readonly seconds: number
  /** The end of what it printed, for the summary of failures. */
  readonly tail: string
}

const tailLength = 20_000
const secondsToClose = 20

/** Runs a command with its output shown as it comes. Never rejects; a missing program is code 127. */
export async function runStep(
  command: readonly string[],
  options: { readonly limitMinutes: number; readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<Finished> {
  const started = performance.now()
  const [program = '', ...argv] = command
  // A process group of its own: what it has started ends with it.
  const child = spawn(program, argv, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  })
  let tail = ''
  let timedOut = false
  const show = (chunk: string): void => {
    // Both go the same way, so that the summary comes after all of it.
    process.stdout.write(chunk)
    tail = (tail + chunk).slice(-tailLength)
  }
  child.stdout.setEncoding('utf8').on('data', show)
  child.stderr.setEncoding('utf8').on('data', show)

  const end = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return
    try {
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal)
    } catch {
      // It has just ended by itself.
    }
  }
  let killTimer: NodeJS.Timeout | undefined
  const limitTimer = setTimeout(() => {
    timedOut = true
    end('SIGTERM')
    killTimer = setTimeout(() => end('SIGKILL'), secondsToClose * 1000)
  }, options.limitMinutes * 60_000)
  const interrupted = (signal: NodeJS.Signals): void => end(signal)
  process.on('SIGINT', interrupted)
  process.on('SIGTERM', interrupted)

  const code = await new Promise<number | null>(resolve => {
    child.on('error', error => {
      tail += `${program}: ${error.message}\n`
      resolve(127)
    })
    // 'exit', not 'close': a daemon that a step leaves running on purpose may hold its output open.
    child.on('exit', exitCode => {
      setTimeout(() => resolve(exitCode), 200)
    })
  })
  clearTimeout(limitTimer)
  clearTimeout(killTimer)
  process.off('SIGINT', interrupted)
  process.off('SIGTERM', interrupted)
  child.stdout.destroy()
  child.stderr.destroy()
  return { code, timedOut, seconds: (performance.now() - started) / 1000, tail }
}
