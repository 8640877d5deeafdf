import { describe, expect, it } from 'vitest'

import { Tail } from '../../../src-main/engine/lib/tail.ts'

describe('lib/tail', () => {
  it('keeps a short text whole', () => {
    const tail = new Tail(100)
    tail.write(Buffer.from('one '))
    tail.write(Buffer.from('two'))
    expect(tail.text()).toBe('one two')
  })

  it('keeps the last bytes of a flood and says how much is missing', () => {
    const tail = new Tail(1000)
    for (let line = 0; line < 100_000; line++) tail.write(Buffer.from(`line ${line}\n`))
    const text = tail.text()
    const [note = '', ...rest] = text.split('\n')
    const kept = rest.join('\n')
    expect(kept).toHaveLength(1000)
    expect(kept.endsWith('line 99999\n')).toBe(true)
    const all = Array.from({ length: 100_000 }, (_none, line) => `line ${line}\n`).join('').length
    expect(note).toBe(`[${all - 1000} bytes before this were left out]`)
  })

  it('takes one chunk that is larger than its limit', () => {
    const tail = new Tail(4)
    tail.write(Buffer.from('abcdefgh'))
    expect(tail.text()).toBe('[4 bytes before this were left out]\nefgh')
  })
})
