import type { Command, CommanderError } from 'commander'

import { AppError, NOTHING_CHANGED } from '../contract/errors.ts'
import { closest } from './output/closest.ts'

/** Commands of the documented command line that come with a later version: known, but not there. */
const later: readonly string[] = [
  'alerts',
  'drill',
  'import',
  'keys',
  'metrics',
  'report',
  'run',
  'schedule',
  'snapshots forget',
  'snapshots prune',
  'targets',
]

/** Options that come with a later version, by command. */
const laterOptions: Readonly<Record<string, readonly string[]>> = {
  restore: ['--as', '--to'],
}

/** A usage error in the four parts. */
export function usageError(message: string, hint: string): AppError {
  return new AppError('usage', { message, state: NOTHING_CHANGED, hint })
}

/** The command that the words lead to: the deepest one that they name. */
function commandAt(program: Command, argv: readonly string[]): Command {
  let command = program
  for (const word of argv) {
    command = command.commands.find(each => each.name() === word) ?? command
  }
  return command
}

/** `snapshots files`: the words that lead to a command. */
function pathOf(command: Command): string {
  const names: string[] = []
  for (let each = command; each.parent !== null; each = each.parent) names.unshift(each.name())
  return names.join(' ')
}

/** What the parser could not read, in our own words, with what to do about it. */
export function explainUsage(
  program: Command,
  argv: readonly string[],
  error: CommanderError,
): AppError {
  const command = commandAt(program, argv)
  const path = pathOf(command)
  const help = `lifeboat ${path === '' ? '' : `${path} `}--help`
  const named = /'(.*)'/s.exec(error.message.split('\n(Did you mean')[0] ?? '')?.[1] ?? ''
  switch (error.code) {
    case 'commander.unknownCommand':
      return unknownCommand(command, named)
    case 'commander.unknownOption':
      return unknownOption(command, named, help)
    case 'commander.missingArgument':
      return usageError(
        `lifeboat ${path} needs a ${named}.`,
        `lifeboat ${path} ${argumentsOf(command)}; ${help} shows examples.`,
      )
    case 'commander.missingMandatoryOptionValue':
      return usageError(`lifeboat ${path} needs ${named}.`, `${help} shows examples.`)
    case 'commander.optionMissingArgument':
      return usageError(`${named} needs a value.`, `${help} shows examples.`)
    case 'commander.excessArguments': {
      const wanted = argumentsOf(command)
      return usageError(
        `lifeboat ${path} was given too many arguments.`,
        `lifeboat ${path}${wanted === '' ? '' : ` ${wanted}`} is all it takes; quote names that hold spaces.`,
      )
    }
    case 'commander.invalidArgument':
      return usageError(invalidText(error.message), `${help} shows examples.`)
    default:
      return usageError(
        error.message.replace(/^error: /, '').replaceAll('\n', ' '),
        `${help} shows examples.`,
      )
  }
}

/** The parser says: option '--limit <number>' argument 'x' is invalid. WHY */
function invalidText(message: string): string {
  const option = /^error: option '(.*?)' argument '(.*)' is invalid\. (.*)$/s.exec(message)
  const argument = /value '(.*)' is invalid for argument '(.*?)'\. (.*)$/s.exec(message)
  const [, value = '', name = '', why = ''] =
    option === null ? (argument ?? []) : [option[0], option[2], option[1], option[3]]
  return `${JSON.stringify(value)} cannot be the value of ${name}. ${why}`
}

function argumentsOf(command: Command): string {
  return command.registeredArguments
    .map(argument => {
      const word = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`
      return argument.required ? word : `[${word}]`
    })
    .join(' ')
}

/** A verb that does not exist, exists later, or was mistyped. */
export function unknownCommand(parent: Command, word: string): AppError {
  const path = pathOf(parent)
  const whole = path === '' ? word : `${path} ${word}`
  if (later.includes(whole)) {
    return usageError(
      `lifeboat ${whole} is planned, but not part of this version yet.`,
      'lifeboat --help lists what this version can do.',
    )
  }
  const names = parent.commands.map(each => each.name())
  const meant = closest(word, names)
  const help = `lifeboat ${path === '' ? '' : `${path} `}--help`
  return usageError(
    `There is no command “${whole}”.`,
    meant === null
      ? `${help} lists every command.`
      : `Did you mean lifeboat ${path === '' ? '' : `${path} `}${meant}? ${help} lists every command.`,
  )
}

function unknownOption(command: Command, flag: string, help: string): AppError {
  const path = pathOf(command)
  const name = flag.split('=')[0] ?? flag
  if (laterOptions[path]?.includes(name) === true) {
    return usageError(
      `lifeboat ${path} ${name} is planned, but not part of this version yet.`,
      `${help} lists what this version can do.`,
    )
  }
  const flags = command.options.flatMap(option => option.long ?? [])
  const meant = closest(name, flags)
  const owner = path === '' ? 'lifeboat' : `lifeboat ${path}`
  return usageError(
    `${owner} knows no option ${name}.`,
    meant === null
      ? `${help} lists its options.`
      : `Did you mean ${meant}? ${help} lists its options.`,
  )
}
