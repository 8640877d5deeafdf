import { describe, expect, it } from 'vitest'

import { tarMessages } from '../../../src-main/engine/capture/tar-messages.ts'

function read(text: string, size = text.length) {
  const messages = tarMessages()
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) messages.write(bytes.subarray(at, at + size))
  return messages.finish()
}

describe('what tar says', () => {
  it('is understood however it is cut', () => {
    const text = [
      String.raw`tar: ./new\nline: file changed as we read it`,
      'tar: ./x: File shrank by 12 bytes; padding with zeros',
      'tar: ./run/sock: socket ignored',
      'Total bytes written: 1234567 (1.2MiB, 3MiB/s)',
      'lifeboat-trailer tar=1 zstd=0',
      '',
    ].join('\n')
    for (const size of [1, 7, 1000]) {
      const { totalBytes, trailer, unsteady, warnings, complaint } = read(text, size)
      expect(totalBytes).toBe(1_234_567)
      expect(Object.fromEntries(trailer ?? [])).toEqual({ tar: '1', zstd: '0' })
      expect(unsteady).toBe(2)
      expect(complaint).toBeNull()
      expect(warnings).toEqual([
        String.raw`1 file changed while being read: new\nline.`,
        '1 file became shorter while being read; the archive holds zeros in place of the end: x.',
        '1 socket left out: sockets hold no data: run/sock.',
      ])
    }
  })

  it('is counted in full and told in short', () => {
    const lines = Array.from({ length: 100_000 }, (_, at) => `tar: ./f${at}: socket ignored\n`)
    expect(read(lines.join('')).warnings).toEqual([
      '100000 sockets left out: sockets hold no data: f0, f1, f2, f3, f4 and 99995 more.',
    ])
  })

  it('is the first complaint, not the last', () => {
    const { complaint, trailer } = read(
      'tar: ./a: Cannot open: Permission denied\ntar: Exiting with failure status due to previous errors\n',
    )
    expect(complaint).toBe('tar: ./a: Cannot open: Permission denied')
    expect(trailer).toBeNull()
  })

  it('is taken from the last trailer: a file cannot forge one', () => {
    const { trailer } = read('lifeboat-trailer tar=0\nlifeboat-trailer tar=2\n')
    expect(trailer?.get('tar')).toBe('2')
  })

  it('does not fill the memory when a line never ends', () => {
    const messages = tarMessages()
    for (let at = 0; at < 1000; at += 1) messages.write(Buffer.alloc(10_000, 'x'))
    expect(messages.finish().complaint?.length).toBeLessThan(20_000)
  })
})
