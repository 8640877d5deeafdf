import { spawn } from 'node:child_process'
import { join } from 'node:path'

const cli = join(import.meta.dirname, '..', '..', 'src-main', 'cli', 'cli.ts')

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** Added to a small environment of its own; nothing of the test's leaks in. */
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly input?: string
  /** Called with everything that was printed so far, and with the process. */
  readonly onOutput?: (text: string, child: ReturnType<typeof spawn>) => void
}

/** Runs the real command line from its sources, as a child process without a terminal. */
export async function lifeboat(
  argv: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [cli, ...argv], {
    cwd: options.cwd,
    env: { PATH, HOME, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8')
    child[name].on('data', (chunk: string) => {
      texts[name] += chunk
      options.onOutput?.(texts.stdout + texts.stderr, child)
    })
  }
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, ...texts }
}

/** The one JSON document on stdout. Throws with everything that was printed when there is none. */
export function documentOf(result: CliResult): Record<string, unknown> {
  try {
    return JSON.parse(result.stdout) as Record<string, unknown>
  } catch {
    throw new Error(
      `no JSON document (exit code ${String(result.code)}):\n${result.stdout}\n${result.stderr}`,
    )
  }
}
