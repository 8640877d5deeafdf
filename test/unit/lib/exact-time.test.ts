import { describe, expect, it } from 'vitest'

import { isoFromNanoseconds, nanosecondsFromPax } from '../../../src-main/engine/lib/exact-time.ts'

describe('exact times', () => {
  it.each([
    ['1700000000', '2023-11-14T22:13:20Z'],
    ['1700000000.123456789', '2023-11-14T22:13:20.123456789Z'],
    ['1700000000.5', '2023-11-14T22:13:20.5Z'],
    ['0', '1970-01-01T00:00:00Z'],
    ['-0.25', '1969-12-31T23:59:59.75Z'],
    ['-1', '1969-12-31T23:59:59Z'],
    ['-86400.000000001', '1969-12-30T23:59:59.999999999Z'],
    ['1.1234567899', '1970-01-01T00:00:01.123456789Z'],
  ])('reads pax %s', (text, iso) => {
    expect(isoFromNanoseconds(nanosecondsFromPax(text)!)).toBe(iso)
  })

  it.each(['', 'x', '1e9', '1.2.3', ' 1'])('refuses %j', text => {
    expect(nanosecondsFromPax(text)).toBeNull()
  })

  it('does not fail on times that no calendar holds', () => {
    expect(isoFromNanoseconds(10n ** 40n)).toMatch(/^\+275760-/)
  })
})
