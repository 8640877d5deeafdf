import type { Command } from 'commander'

import type { Session } from '../session.ts'

/** Runs a command's work with an open session; the number it returns is the exit code. */
export type Run = (work: (session: Session) => Promise<number>) => Promise<void>

/** A verb of the command line: one file, one line in `all.ts`. */
export type RegisterCommand = (program: Command, run: Run) => void

/** Collects a repeatable option. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
