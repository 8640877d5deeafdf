import { createHash, randomBytes, randomInt } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { Demultiplexer, FrameParser } from '../../../src-main/engine/hosts/multiplex.ts'

function frame(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header[0] = type
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

function collect() {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  const parser = new FrameParser({
    stdout: chunk => stdout.push(Buffer.from(chunk)),
    stderr: chunk => stderr.push(Buffer.from(chunk)),
  })
  return { parser, stdout: () => Buffer.concat(stdout), stderr: () => Buffer.concat(stderr) }
}

/** Cuts bytes into pieces of random length, empty ones among them. */
function cut(bytes: Buffer, most: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const length = randomInt(0, most + 1)
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  return pieces
}

describe('hosts/multiplex: FrameParser', () => {
  it('gives exact bytes for frames of 0 to 200 bytes, cut at random places', () => {
    for (let round = 0; round < 300; round++) {
      const frames = Array.from({ length: randomInt(1, 40) }, () => ({
        type: randomInt(1, 3),
        payload: randomBytes(randomInt(0, 201)),
      }))
      const wire = Buffer.concat(frames.map(({ type, payload }) => frame(type, payload)))
      const { parser, stdout, stderr } = collect()
      for (const piece of cut(wire, randomInt(1, 64))) parser.write(piece)
      parser.end()
      const of = (wanted: number) =>
        Buffer.concat(frames.filter(({ type }) => type === wanted).map(({ payload }) => payload))
      expect(stdout().equals(of(1))).toBe(true)
      expect(stderr().equals(of(2))).toBe(true)
    }
  })

  it('gives exact bytes for one cut at every offset', () => {
    const out = randomBytes(37)
    const wire = Buffer.concat([
      frame(1, out.subarray(0, 20)),
      frame(2, Buffer.from('a warning')),
      frame(1, Buffer.alloc(0)),
      frame(1, out.subarray(20)),
    ])
    for (let at = 0; at <= wire.length; at++) {
      const { parser, stdout, stderr } = collect()
      parser.write(wire.subarray(0, at))
      parser.write(wire.subarray(at))
      parser.end()
      expect(stdout().equals(out)).toBe(true)
      expect(stderr().toString()).toBe('a warning')
    }
  })

  it('refuses a stream that ends inside a frame, at every place', () => {
    const wire = frame(1, randomBytes(30))
    for (let length = 1; length < wire.length; length++) {
      const { parser } = collect()
      parser.write(wire.subarray(0, length))
      expect(() => parser.end()).toThrow(expect.objectContaining({ code: 'stream-corrupt' }))
    }
  })

  it.each([
    ['text of a terminal', Buffer.from('total 12\ndrwxr-xr-x 2 root root\n')],
    ['zeros', Buffer.alloc(64)],
    ['type 0', frame(0, Buffer.from('x'))],
    ['type 4', frame(4, Buffer.from('x'))],
    ['a byte in the gap', Buffer.from([1, 0, 7, 0, 0, 0, 0, 1, 65])],
    ['an error page', Buffer.from('<html><body>502 Bad Gateway</body></html>')],
  ])('refuses %s and passes none of it on as data', (_name, wire) => {
    const { parser, stdout, stderr } = collect()
    expect(() => parser.write(wire)).toThrow(expect.objectContaining({ code: 'stream-corrupt' }))
    expect(stdout().length + stderr().length).toBe(0)
  })

  it('refuses a bad header after good frames', () => {
    const { parser, stdout } = collect()
    expect(() =>
      parser.write(Buffer.concat([frame(1, Buffer.from('good')), Buffer.alloc(9, 0xff)])),
    ).toThrow(expect.objectContaining({ code: 'stream-corrupt' }))
    expect(stdout().toString()).toBe('good')
  })

  it('turns the engine’s own error frame into an error with its words', () => {
    const { parser } = collect()
    parser.write(frame(3, Buffer.from('error reading the log')))
    expect(() => parser.end()).toThrow(
      expect.objectContaining({ code: 'stream-corrupt', details: 'error reading the log' }),
    )
  })

  it('takes 32 KiB frames apart without copying them', () => {
    const payload = randomBytes(32 * 1024)
    const chunk = frame(1, payload)
    const seen: Buffer[] = []
    const parser = new FrameParser({ stdout: piece => seen.push(piece), stderr: () => undefined })
    parser.write(chunk)
    expect(seen).toHaveLength(1)
    expect(seen[0]!.buffer).toBe(chunk.buffer)
  })
})

describe('hosts/multiplex: Demultiplexer', () => {
  it('stops its source while the reader lags, and loses nothing', async () => {
    let paused = 0
    const wake: { go: () => void } = { go: () => undefined }
    const demultiplexer = new Demultiplexer(
      () => undefined,
      () => wake.go(),
    )
    const payload = randomBytes(64 * 1024)
    const rounds = 200
    const feeding = (async () => {
      for (let round = 0; round < rounds; round++) {
        const wire = frame(1, payload)
        const goesOn = demultiplexer.feed(wire)
        // The connection reads into the same buffer again.
        wire.fill(0)
        if (goesOn) continue
        paused++
        await new Promise<void>(resolve => {
          wake.go = resolve
        })
      }
      demultiplexer.finish()
    })()
    const hash = createHash('sha256')
    const expected = createHash('sha256')
    for (let round = 0; round < rounds; round++) expected.update(payload)
    let largest = 0
    for await (const chunk of demultiplexer) {
      largest = Math.max(largest, demultiplexer.readableLength)
      hash.update(chunk as Buffer)
      await new Promise(resolve => setImmediate(resolve))
    }
    await feeding
    expect(hash.digest('hex')).toBe(expected.digest('hex'))
    expect(paused).toBeGreaterThan(0)
    expect(largest).toBeLessThan(3 * 1024 * 1024)
  })

  it('passes a flood of standard error on without keeping it', () => {
    let bytes = 0
    const demultiplexer = new Demultiplexer(
      chunk => {
        bytes += chunk.length
      },
      () => undefined,
    )
    const wire = frame(2, Buffer.alloc(64 * 1024, 'w'))
    for (let round = 0; round < 1000; round++) expect(demultiplexer.feed(wire)).toBe(true)
    expect(bytes).toBe(1000 * 64 * 1024)
    expect(demultiplexer.readableLength).toBe(0)
  })

  it('fails its reader when the connection ends inside a frame', async () => {
    const demultiplexer = new Demultiplexer(
      () => undefined,
      () => undefined,
    )
    demultiplexer.feed(frame(1, Buffer.from('whole')).subarray(0, 11))
    demultiplexer.finish()
    await expect(Array.fromAsync(demultiplexer)).rejects.toMatchObject({ code: 'stream-corrupt' })
  })
})
