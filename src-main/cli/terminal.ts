import { createInterface } from 'node:readline/promises'

import { AppError, NOTHING_CHANGED } from '../contract/errors.ts'
import type { GlobalOptions } from './global-options.ts'
import {
  plainProgress,
  type ProgressView,
  silentProgress,
  terminalProgress,
} from './output/progress-line.ts'
import { type Style, styleFor, wantsColour } from './output/style.ts'
import type { TableLook } from './output/table.ts'

/** The two streams of a command: data on stdout, messages on stderr (rule C1). */
export interface Terminal {
  readonly options: GlobalOptions
  /** Marks for stdout and for stderr; each stream decides by itself. */
  readonly outStyle: Style
  readonly errStyle: Style
  /** Columns and marks for tables on stdout; a pipe or a file has no width. */
  readonly look: TableLook
  /** Data. */
  out(text: string): void
  /**
   * The result of a command, in the form that was asked for: words, one JSON document, or the last of
   * the JSON lines. `words` is called only for people.
   */
  result(document: object, words: () => string): void
  /** The error that ended a command, for a program that reads stdout; nothing for people. */
  errorDocument(document: object): void
  /** One JSON line on stdout, for `--json-stream`. */
  jsonLine(document: object): void
  /** A message; quiet with `--quiet`. */
  say(text: string): void
  /** A message that is shown even with `--quiet`. */
  warn(text: string): void
  progressView(): ProgressView
  /** True when a person sees the messages as they come. */
  readonly isWatched: boolean
  /** Asks a person; refused without a terminal or with `--no-input`, naming the flag to pass. */
  ask(question: string, flag: string): Promise<string>
}

interface Streams {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

/** The terminal that this process runs in. */
export function terminal(
  options: GlobalOptions,
  streams: Streams,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const { stdin, stdout, stderr } = streams
  const outStyle = styleFor(wantsColour(stdout.isTTY, env, options.noColor))
  const errStyle = styleFor(wantsColour(stderr.isTTY, env, options.noColor))
  const writeErr = (text: string): void => {
    stderr.write(text)
  }
  const out = (text: string): void => {
    stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  }
  const jsonLine = (document: object): void => {
    stdout.write(`${JSON.stringify(document)}\n`)
  }
  const json = (document: object): void => {
    stdout.write(`${JSON.stringify(document, null, stdout.isTTY ? 2 : undefined)}\n`)
  }
  return {
    options,
    outStyle,
    errStyle,
    look: {
      width: stdout.isTTY ? Math.max(stdout.columns, 40) : Number.POSITIVE_INFINITY,
      style: outStyle,
    },
    out,
    result(document, words) {
      const whole = { schemaVersion: 1, ...document }
      if (options.jsonStream) jsonLine({ type: 'result', ...whole })
      else if (options.json) json(whole)
      else out(words())
    },
    errorDocument(document) {
      const whole = { schemaVersion: 1, ...document }
      if (options.jsonStream) jsonLine({ type: 'result', ...whole })
      else if (options.json) json(whole)
    },
    jsonLine,
    say(text) {
      if (!options.quiet) writeErr(`${text}\n`)
    },
    warn(text) {
      writeErr(`${text}\n`)
    },
    isWatched: stderr.isTTY,
    progressView() {
      if (options.quiet || options.json || options.jsonStream) return silentProgress
      return stderr.isTTY && env['TERM'] !== 'dumb'
        ? terminalProgress(writeErr, () => stderr.columns, errStyle)
        : plainProgress(writeErr, () => Date.now(), errStyle)
    },
    async ask(question, flag) {
      if (!stdin.isTTY || options.noInput) {
        throw new AppError('confirmation-needed', {
          message: 'This needs an answer, and there is nobody to ask.',
          state: NOTHING_CHANGED,
          hint: `Pass ${flag}.`,
        })
      }
      return askPerson(question, stdin, stderr)
    },
  }
}

/** One line from a person. Ctrl-C and the end of input are answers too: no. */
async function askPerson(
  question: string,
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
): Promise<string> {
  const reader = createInterface({ input, output })
  try {
    return await new Promise<string>((resolve, reject) => {
      const stop = (): void => {
        reject(
          new AppError('interrupted', {
            message: 'The question was not answered.',
            state: NOTHING_CHANGED,
            hint: 'Run the command again when it suits you.',
          }),
        )
      }
      reader.on('SIGINT', stop)
      reader.on('close', stop)
      reader.question(question).then(resolve, reject)
    })
  } finally {
    reader.close()
  }
}
