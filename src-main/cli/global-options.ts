/** Options that every command knows. */
export interface GlobalOptions {
  readonly host: string
  /** True when `--host` was on the command line. */
  readonly hostGiven: boolean
  readonly repo: string | undefined
  readonly json: boolean
  readonly jsonStream: boolean
  readonly noColor: boolean
  readonly noInput: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly debug: boolean
}

export const defaultOptions: GlobalOptions = {
  host: 'local',
  hostGiven: false,
  repo: undefined,
  json: false,
  jsonStream: false,
  noColor: false,
  noInput: false,
  quiet: false,
  verbose: false,
  debug: false,
}
