import type { Paths, Settings } from '../contract/reports.ts'

/** Where the engine keeps secrets: the OS keychain in real life. Keys are `kind:name`. */
export interface SecretStore {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
  remove(key: string): Promise<void>
  /** Where they are, in words, for the settings page. */
  describe(): string
}

/** Settings shared by app and command line: one atomic, schema-checked file. */
export interface SettingsStore {
  /** Never throws for a damaged file: it is copied aside, the default is returned, and `warnings()` tells. */
  read(): Promise<Settings>
  update(change: (settings: Settings) => Settings): Promise<Settings>
  warnings(): readonly string[]
}

/** The clock, so that tests can move it. */
export interface Clock {
  now(): Date
}

/** Messages for a person who looks for a cause; secrets are masked by the logger. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** Everything that the engine needs from outside; made by the command line, the app or a test. */
export interface EngineDeps {
  readonly paths: Paths
  readonly settings: SettingsStore
  readonly secrets: SecretStore
  readonly clock: Clock
  readonly logger: Logger
  /** The environment that host rules may read (DOCKER_HOST …); never passed on to children as a whole. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDirectory: string
  readonly version: string
}
