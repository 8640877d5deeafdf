/**
 * How a driver describes its own options: the wizard's form, the command line's flags, redaction and
 * the documentation are all made from this, so that no screen and no command names a driver.
 */
export interface OptionSpec {
  /** Key in the settings, camelCase. */
  readonly name: string
  readonly type: 'text' | 'number' | 'boolean' | 'choice' | 'secret'
  /** A label for a person, sentence case. */
  readonly label: string
  /** One sentence that helps to decide. */
  readonly help: string
  readonly default?: string | number | boolean
  /** For `choice`. */
  readonly choices?: readonly { readonly value: string; readonly label: string }[]
  readonly advanced?: boolean
}

/** Values given for a driver's options, keyed by `OptionSpec.name`. */
export type OptionValues = Readonly<Record<string, string | number | boolean>>
