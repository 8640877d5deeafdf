const NANOSECONDS = 1_000_000_000n

/**
 * A time as ISO 8601 UTC with all its digits below the second, none when there are none:
 * `2026-11-28T13:42:54.173123456Z`. Times that no calendar holds are cut to its ends.
 */
export function isoFromNanoseconds(nanoseconds: bigint): string {
  let seconds = nanoseconds / NANOSECONDS
  let rest = nanoseconds % NANOSECONDS
  if (rest < 0n) {
    seconds -= 1n
    rest += NANOSECONDS
  }
  const milliseconds = Math.max(-8.64e15, Math.min(8.64e15, Number(seconds) * 1000))
  const whole = new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '')
  const fraction = String(rest).padStart(9, '0').replace(/0+$/, '')
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`
}

/** Nanoseconds of a pax time: decimal seconds, possibly negative, with a fraction; null when it is none. */
export function nanosecondsFromPax(text: string): bigint | null {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text)
  if (match === null) return null
  const [, sign = '', whole = '0', fraction = ''] = match
  const value = BigInt(whole) * NANOSECONDS + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? -value : value
}
