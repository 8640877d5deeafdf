import { Command, CommanderError, Option } from 'commander'

import { AppError, toWire, type WireError } from '../contract/errors.ts'
import { VERSION } from '../platform/version.ts'
import * as commands from './commands/all.ts'
import type { Run } from './commands/command.ts'
import { defaultOptions, type GlobalOptions } from './global-options.ts'
import { errorText } from './output/error-text.ts'
import { openSession, type Session } from './session.ts'
import { terminal, type Terminal } from './terminal.ts'

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
export async function createProgram(argv: readonly string[]): Promise<number> {
  let exitCode = 0
  let options: GlobalOptions = readOptionsEarly(argv)
  const program = describeProgram()

  const run: Run = async work => {
    options = readOptions(program.opts<RawOptions>(), options)
    const view = terminal(options, process, process.env)
    const session = openSession(view, () => startEngine(view, options), {
      on: (name, listener) => process.on(name, listener),
      off: (name, listener) => process.off(name, listener),
      exit: code => process.exit(code),
    })
    exitCode = await runInSession(session, work)
  }
  for (const register of Object.values(commands)) register(program, run)
  passOptionsOn(program)

  if (argv.length === 0) {
    program.outputHelp()
    return 0
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    return reportFailure(error, terminal(options, process, process.env))
  }
  return exitCode
}

function describeProgram(): Command {
  return new Command('lifeboat')
    .description('Backs up whole Docker stacks, proves that the backups restore, and brings them back.')
    .usage('COMMAND [options]')
    .version(`lifeboat ${VERSION}`, '--version', 'print the version')
    .option('--host <host>', 'local, a saved name, context:NAME, unix:///…, ssh://…, folder:/…')
    .option('--repo <folder>', 'repository folder (or LIFEBOAT_REPOSITORY)')
    .option('--json', 'one JSON document on stdout')
    .option('--json-stream', 'JSON Lines on stdout: progress, events, then the result')
    .option('--no-color', 'no colours')
    .option('--no-input', 'never ask; the error names the flag to pass')
    .option('-q, --quiet', 'no messages but warnings and errors')
    .option('-v, --verbose', 'more messages')
    .addOption(new Option('--debug', 'messages for finding a cause'))
    .addHelpText(
      'before',
      [
        'Start here:',
        '  lifeboat demo                     see the whole job on a built-in sample',
        '  lifeboat stacks                   what is on this host, and what is covered',
        '  lifeboat backup STACK             back it up',
        '  lifeboat check STACK --read-data  prove what is stored',
        '  lifeboat restore STACK --dry-run  what bringing it back would do',
        '',
      ].join('\n'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 ok · 1 failed · 2 usage · 3 finished but incomplete · 10 repository missing · 11 locked\n12 wrong key · 13 host unreachable · 14 confirmation needed · 15 check or drill failed · 130 interrupted.\nAny other code is a failure. Documentation: docs/ in the source tree.',
    )
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
}

/** Lets the global options stand behind any verb, and errors reach us instead of ending the process. */
function passOptionsOn(program: Command): void {
  const globals = program.options.filter(option => option.long !== '--version')
  function visit(command: Command): void {
    command.exitOverride().configureOutput({ writeErr: () => undefined })
    for (const option of globals) {
      const copy = new Option(option.flags, option.description).hideHelp()
      if (option.negate) copy.default(undefined)
      command.addOption(copy)
      command.on(`option:${copy.name()}`, (value: unknown) => {
        program.setOptionValue(copy.attributeName(), option.negate ? false : (value ?? true))
      })
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

async function startEngine(
  view: Terminal,
  options: GlobalOptions,
): Promise<import('../engine/engine.ts').Engine> {
  const [{ createEngine }, { createDeps }] = await Promise.all([
    import('../engine/engine.ts'),
    import('../platform/create-deps.ts'),
  ])
  return createEngine(
    createDeps({
      version: VERSION,
      logLevel: options.debug ? 'debug' : options.verbose ? 'info' : options.quiet ? 'silent' : 'warn',
      log: line => {
        process.stderr.write(line)
      },
      ...(options.repo === undefined ? {} : { repository: options.repo }),
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
  if (error instanceof CommanderError) {
    // Help and version end this way too, with exit code 0.
    if (error.exitCode === 0) return 0
    return print(usageError(error), 2, view)
  }
  const wire = toWire(error)
  return print(wire, error instanceof AppError ? error.exitCode : 1, view)
}

function usageError(error: CommanderError): WireError {
  return {
    code: 'usage',
    message: error.message.replace(/^error: /, '').replaceAll('\n', ' '),
    state: 'Nothing was changed.',
    hint: 'lifeboat --help shows every command; lifeboat COMMAND --help its options.',
  }
}

function print(error: WireError, exitCode: number, view: Terminal): number {
  view.warn(errorText(error, view.errStyle, view.options.debug))
  const { code, message, state, hint, details } = error
  const document = { error: { code, message, state, hint, details: details ?? null } }
  if (view.options.jsonStream) view.jsonLine({ type: 'error', ...document })
  else if (view.options.json) view.json(document)
  return exitCode
}
