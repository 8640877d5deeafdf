import type { WireError } from '../../contract/errors.ts'
import { safeText } from './safe-text.ts'
import type { Style } from './style.ts'

/** An error in its four parts: what happened, what state things are in, what to do, details. */
export function errorText(error: WireError, style: Style, withDetails: boolean): string {
  const lines = [
    `${style.bad('✗')} ${style.bold(safeText(error.message))}`,
    `  ${safeText(error.state)}`,
    `  ${safeText(error.hint)}`,
  ]
  // The details of a defect of ours are a stack trace: of use only to whoever looks for it.
  const wanted = withDetails || error.code !== 'internal-error'
  if (wanted && error.details !== undefined && error.details !== '') {
    const said = `${error.message}\n${error.hint}`
    const details = error.details
      .split('\n')
      .filter(line => !said.includes(line))
      .map(line => `  | ${safeText(line)}`)
    const shown = withDetails ? details : details.slice(-6)
    lines.push(...shown.map(line => style.dim(line)))
  }
  lines.push(style.dim(`  (${error.code})`))
  return lines.join('\n')
}
