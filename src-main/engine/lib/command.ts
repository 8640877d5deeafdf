import type { Readable, Writable } from 'node:stream'

export interface CommandOptions {
  /** Added to the place's own environment. Never put on argv, never logged. */
  readonly env?: Readonly<Record<string, string>>
  readonly user?: string
  readonly workingDirectory?: string
  /** `pipe` gives `stdin`; bytes are written and the input is closed; default: no input. */
  readonly stdin?: 'pipe' | Buffer
  readonly signal?: AbortSignal
}

export interface CommandResult {
  /** Null when the place could not tell within 10 s of the end: always a failure, never 0. */
  readonly exitCode: number | null
  /** Last 64 KiB of stderr. */
  readonly stderr: string
}

/** A command that runs; all of `stdout` must be read. */
export interface RunningCommand {
  readonly stdout: Readable
  /** Each piece of stderr as it comes, beside the tail that `result` keeps. */
  onStderr(listener: (chunk: Buffer) => void): void
  readonly stdin: Writable | null
  /** Settles after stdout has ended; rejects only when the place itself fails. */
  readonly result: Promise<CommandResult>
  /** Ends the command with all its children and waits for them, 10 s at most. */
  kill(): Promise<void>
}

/** A place where a command can run: a container, a helper container, or this computer. */
export interface CommandPlace {
  /** For messages: `container chatalot-db-1`. */
  readonly description: string
  /** Starts a command. Rejects with `tool-missing` when the program is not there, `container-gone`, `host-unreachable`. */
  start(argv: readonly string[], options?: CommandOptions): Promise<RunningCommand>
}
