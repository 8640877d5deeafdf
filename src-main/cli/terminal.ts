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

/** The two streams of a command: data on stdout, messages on stderr (rule C1). */
export interface Terminal {
  readonly options: GlobalOptions
  /** Marks for stdout and for stderr; each stream decides by itself. */
  readonly outStyle: Style
  readonly errStyle: Style
  /** Data. */
  out(text: string): void
  /** One JSON document on stdout. */
  json(document: unknown): void
  /** One JSON line on stdout, for `--json-stream`. */
  jsonLine(document: unknown): void
  /** A message; quiet with `--quiet`. */
  say(text: string): void
  /** A message that is shown even with `--quiet`. */
  warn(text: string): void
  progressView(): ProgressView
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
  return {
    options,
    outStyle,
    errStyle,
    out(text) {
      stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    },
    json(document) {
      stdout.write(`${JSON.stringify(document, null, stdout.isTTY ? 2 : undefined)}\n`)
    },
    jsonLine(document) {
      stdout.write(`${JSON.stringify(document)}\n`)
    },
    say(text) {
      if (!options.quiet) writeErr(`${text}\n`)
    },
    warn(text) {
      writeErr(`${text}\n`)
    },
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
      const reader = createInterface({ input: stdin, output: stderr })
      try {
        return await reader.question(question)
      } finally {
        reader.close()
      }
    },
  }
}
