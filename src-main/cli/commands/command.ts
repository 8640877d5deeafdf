import { type Command, InvalidArgumentError } from 'commander'

import type { Session } from '../session.ts'
import { unknownCommand } from '../usage-error.ts'

/** Runs a command's work with an open session; the number it returns is the exit code. */
export type Run = (work: (session: Session) => Promise<number>) => Promise<void>

/** A verb of the command line: one file, one line in `all.ts`. */
export type RegisterCommand = (program: Command, run: Run) => void

/** Collects a repeatable option. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), notEmpty(value)]
}

/** A name that was left empty is a mistake of a script, for instance an unset variable. */
export function notEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.')
  return value
}

/** A whole number from 1 on. */
export function wholeNumber(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.')
  }
  return Number(value)
}

/** Lets a noun stand alone for its `list`; a word behind it that is no verb is a mistake, not an argument. */
export function listByDefault(
  noun: Command,
  run: Run,
  list: (session: Session) => Promise<number>,
): void {
  noun.allowExcessArguments().action(() =>
    run(session => {
      const [word] = noun.args
      if (word !== undefined) throw unknownCommand(noun, word)
      return list(session)
    }),
  )
}
