import { m } from '../messages/index.ts'

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A size in units of 1024, as the command line says it: `1.50 MiB`. */
export function size(bytes: number | null): string {
  if (bytes === null) return m.common.unknown
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${number(value, digits)} ${units[unit] ?? ''}`
}

function number(value: number, digits: number): string {
  return new Intl.NumberFormat(m.locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
  }).format(value)
}

/** A whole number with the language's grouping. */
export function count(value: number): string {
  return new Intl.NumberFormat(m.locale).format(value)
}

/** A moment in the user's own time zone. */
export function moment(iso: string): string {
  const time = new Date(iso)
  return Number.isNaN(time.getTime())
    ? iso
    : new Intl.DateTimeFormat(m.locale, { dateStyle: 'medium', timeStyle: 'short' }).format(time)
}

const steps = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

/** A span of time in its largest unit: `3 days`. */
export function span(milliseconds: number): string {
  const [unit, length] = steps.find(([, each]) => milliseconds >= each) ?? steps[3]
  return new Intl.NumberFormat(m.locale, { style: 'unit', unit, unitDisplay: 'long' }).format(
    Math.round(milliseconds / length),
  )
}

/** How long ago something was: `3 days ago`. */
export function ago(milliseconds: number): string {
  const [unit, length] = steps.find(([, each]) => milliseconds >= each) ?? steps[3]
  return new Intl.RelativeTimeFormat(m.locale, { numeric: 'auto' }).format(
    -Math.round(milliseconds / length),
    unit,
  )
}
