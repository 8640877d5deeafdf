import { Command, CommanderError, Option } from 'commander'

import { AppError, toWire, type WireError } from '../contract/errors.ts'
import type { Engine } from '../engine/engine.ts'
import { VERSION } from '../platform/version.ts'
import { commands } from './commands/all.ts'
import { notEmpty, type Run } from './commands/command.ts'
import { defaultOptions, type GlobalOptions } from './global-options.ts'
import { errorText } from './output/error-text.ts'
import { openSession, type Session } from './session.ts'
import { type Terminal, terminal } from './terminal.ts'
import { explainUsage, usageError } from './usage-error.ts'

interface RawOptions {
  readonly host?: string
  readonly repo?: string
  readonly json?: boolean
  readonly jsonStream?: boolean
  readonly color?: boolean
  readonly input?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly debug?: boolean
}

/** Runs the `lifeboat` command; returns its exit code. Argument vector without program names. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let exitCode = 0
  let options: GlobalOptions = readOptionsEarly(argv)
  const program = describeProgram()

  const run: Run = async work => {
    options = readOptions(program.opts<RawOptions>(), options)
    const view = terminal(options, process, process.env)
    const session = openSession(view, home => startEngine(view, options, home), {
      on: (name, listener) => process.on(name, listener),
      off: (name, listener) => process.off(name, listener),
      exit: code => process.exit(code),
    })
    exitCode = await runInSession(session, work)
  }
  for (const register of commands) register(program, run)
  passOptionsOn(program)

  const view = terminal(options, process, process.env)
  if (argv.length === 0) {
    program.outputHelp()
    return 0
  }
  try {
    if (argv.includes('--json') && argv.includes('--json-stream')) {
      throw usageError(
        '--json and --json-stream exclude each other.',
        'Pass one of them: one document at the end, or lines on the way.',
      )
    }
    if (argv.some(word => word === '--version')) {
      view.result({ version: VERSION }, () => `lifeboat ${VERSION}`)
      return 0
    }
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help ends this way too, with exit code 0.
      return error.exitCode === 0 ? 0 : reportFailure(explainUsage(program, argv, error), view)
    }
    return reportFailure(error, view)
  }
  return exitCode
}

function describeProgram(): Command {
  return new Command('lifeboat')
    .description(
      'Backs up whole Docker stacks, proves that the backups restore, and brings them back.',
    )
    .usage('COMMAND [options]')
    .helpCommand('help [command]', 'examples and options of a command')
    .helpOption('-h, --help', 'examples and options')
    .option('--host <host>', 'local, a saved name, context:NAME, ssh://…, folder:/…', notEmpty)
    .option('--repo <folder>', 'repository folder (or LIFEBOAT_REPOSITORY)', notEmpty)
    .option('--json', 'one JSON document on stdout')
    .option('--json-stream', 'JSON Lines: progress, events, then the result')
    .option('--no-color', 'no colours (or NO_COLOR)')
    .option('--no-input', 'never ask; the error names the flag to pass')
    .option('-q, --quiet', 'no messages but warnings and errors')
    .option('-v, --verbose', 'more messages')
    .option('--debug', 'messages for finding a cause')
    .option('--version', 'print the version')
    .configureHelp({
      subcommandTerm: command =>
        [command.name(), ...command.registeredArguments.map(each => termOf(each))].join(' '),
    })
    .addHelpText(
      'before',
      [
        'Examples:',
        '  lifeboat demo                     the whole job on a built-in sample',
        '  lifeboat stacks                   what is on this host, what is covered',
        '  lifeboat backup STACK             back it up as a whole',
        '  lifeboat check STACK --read-data  prove what is stored',
        '  lifeboat restore STACK --dry-run  what bringing it back would do',
        '',
      ].join('\n'),
    )
    .addHelpText(
      'after',
      [
        '',
        'Options of all commands may stand before or behind them. JSON: docs/json.md',
        'Exit codes: 0 ok · 1 failed · 2 usage · 3 finished but incomplete',
        '  10 repository missing · 11 locked · 12 wrong key · 13 host unreachable',
        '  14 confirmation needed · 15 check or drill failed · 130 interrupted',
        '  any other code is a failure',
      ].join('\n'),
    )
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
}

function termOf(argument: Command['registeredArguments'][number]): string {
  const word = argument.variadic ? `${argument.name()}…` : argument.name()
  return argument.required ? `<${word}>` : `[${word}]`
}

/** Lets the global options stand behind any verb, and errors reach us instead of ending the process. */
function passOptionsOn(program: Command): void {
  const globals = program.options
  function visit(command: Command): void {
    command
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .configureHelp(program.configureHelp())
      .helpOption('-h, --help', 'examples and options')
    for (const option of globals) {
      const copy = new Option(option.flags, option.description).hideHelp()
      if (option.parseArg !== undefined) copy.argParser(option.parseArg)
      if (option.negate) copy.default(undefined)
      command.addOption(copy)
      command.on(`option:${copy.name()}`, (value: unknown) => {
        program.setOptionValue(copy.attributeName(), option.negate ? false : (value ?? true))
      })
    }
    if (command.commands.length === 0) {
      command.addHelpText(
        'after',
        '\nOptions of all commands (--host, --repo, --json …): lifeboat --help',
      )
    }
    for (const child of command.commands) visit(child)
  }
  for (const child of program.commands) visit(child)
}

/** How to print an error when parsing itself failed: only the flags that change the form matter. */
function readOptionsEarly(argv: readonly string[]): GlobalOptions {
  return {
    ...defaultOptions,
    json: argv.includes('--json'),
    jsonStream: argv.includes('--json-stream'),
    noColor: argv.includes('--no-color'),
    debug: argv.includes('--debug'),
  }
}

function readOptions(raw: RawOptions, early: GlobalOptions): GlobalOptions {
  return {
    host: raw.host ?? 'local',
    hostGiven: raw.host !== undefined,
    repo: raw.repo,
    json: raw.json === true || early.json,
    jsonStream: raw.jsonStream === true || early.jsonStream,
    noColor: raw.color === false || early.noColor,
    noInput: raw.input === false,
    quiet: raw.quiet === true,
    verbose: raw.verbose === true,
    debug: raw.debug === true || early.debug,
  }
}

/** An engine in the user's own folders, or with everything below `home`. */
async function startEngine(
  view: Terminal,
  options: GlobalOptions,
  home: string | null,
): Promise<Engine> {
  const [{ createEngine }, { createDeps }] = await Promise.all([
    import('../engine/engine.ts'),
    import('../platform/create-deps.ts'),
  ])
  const level = options.debug
    ? 'debug'
    : options.verbose
      ? 'info'
      : options.quiet
        ? 'silent'
        : 'warn'
  return createEngine(
    createDeps({
      version: VERSION,
      logLevel: level,
      log: line => {
        process.stderr.write(line)
      },
      ...(options.repo === undefined || home !== null ? {} : { repository: options.repo }),
      ...(home === null
        ? {}
        : {
            env: { ...process.env, LIFEBOAT_HOME: home, LIFEBOAT_REPOSITORY: undefined },
          }),
      onSettingsWarning: view.warn,
    }),
  )
}

async function runInSession(
  session: Session,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  try {
    return await work(session)
  } catch (error) {
    return reportFailure(error, session.terminal)
  } finally {
    await session.close().catch(() => undefined)
  }
}

function reportFailure(error: unknown, view: Terminal): number {
  const wire = toWire(error)
  showError(wire, view)
  const { code, message, state, hint, details } = wire
  view.errorDocument({ error: { code, message, state, hint, details: details ?? null } })
  return error instanceof AppError ? error.exitCode : 1
}

/** An error in words, on stderr. */
function showError(error: WireError, view: Terminal): void {
  view.warn(errorText(error, view.errStyle, view.options.debug))
}
