import type { Logger } from '../engine/ports.ts'

export type LogLevel = 'silent' | 'warn' | 'info' | 'debug'

const ranks: Readonly<Record<LogLevel, number>> = { silent: 0, warn: 1, info: 2, debug: 3 }

/** Field names whose values never reach a log, whatever they hold. */
const secretName =
  /pass(word|wd|phrase)?|secret|token|credential|private|api_?key|authorization|pepper/i

/** `postgres://user:PASSWORD@host` and its kin. */
const urlPassword = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:)[^\s@]+@/gi

/** Masks what looks like a secret in a text for people. */
export function maskSecrets(text: string): string {
  return text
    .replaceAll(urlPassword, '$1***@')
    .replaceAll(
      /((?:PASS(?:WORD|WD|PHRASE)?|SECRET|TOKEN|API_?KEY|PEPPER)\w*\s*[=:]\s*)\S+/gi,
      '$1***',
    )
}

function maskFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      secretName.test(name) ? '***' : typeof value === 'string' ? maskSecrets(value) : value,
    ]),
  )
}

/** A logger that writes one line per message: time, level, message, fields as JSON. */
export function lineLogger(level: LogLevel, write: (line: string) => void): Logger {
  function log(
    at: Exclude<LogLevel, 'silent'>,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void {
    if (ranks[at] > ranks[level]) return
    const rest = fields === undefined ? '' : ` ${JSON.stringify(maskFields(fields))}`
    write(`${new Date().toISOString()} ${at} ${maskSecrets(message)}${rest}\n`)
  }
  return {
    debug: (message, fields) => {
      log('debug', message, fields)
    },
    info: (message, fields) => {
      log('info', message, fields)
    },
    warn: (message, fields) => {
      log('warn', message, fields)
    },
  }
}
