import type { Duplex } from 'node:stream'

import type { ApiAnswer } from './api-client.ts'
import { answerTimeout } from './connection-error.ts'
import type { Transport } from './transport.ts'

/** A connection that the engine has turned into a two-way byte stream. */
export interface RawConnection {
  /** To write to, to end and to destroy. What it reads goes to the consumer of `flow` alone. */
  readonly connection: Duplex
  /**
   * Starts the reading. Bytes are valid during the call only; a consumer that returns false gets no more
   * until `resume`.
   */
  flow(consumer: (bytes: Buffer) => boolean): void
  resume(): void
}

/** The engine answered with something else than the wanted stream. */
export class NotUpgraded extends Error {
  readonly answer: ApiAnswer

  constructor(answer: ApiAnswer) {
    super(`HTTP ${answer.status}`)
    this.answer = answer
  }
}

const MAX_HEAD_BYTES = 256 * 1024

/**
 * Makes one POST that turns a connection of its own into a raw stream. Written by hand, because a
 * socket that reads into one large buffer takes a third of the processor time of the `http` module's.
 */
export async function openRaw(
  transport: Transport,
  path: string,
  body: Buffer,
  timeoutMs: number,
): Promise<RawConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<RawConnection>()
  let head: Buffer | null = Buffer.alloc(0)
  let rest: Buffer | null = null
  let consumer: ((bytes: Buffer) => boolean) | null = null

  const onBytes = (bytes: Buffer): boolean => {
    if (consumer !== null) return consumer(bytes)
    if (head === null) {
      rest = Buffer.concat([rest ?? Buffer.alloc(0), bytes])
      return false
    }
    head = Buffer.concat([head, bytes])
    const parsed = parseHead(head)
    if (parsed === 'incomplete') {
      if (head.length > MAX_HEAD_BYTES) reject(new Error('the answer is not HTTP'))
      return true
    }
    if (parsed.status !== 101) {
      reject(new NotUpgraded({ status: parsed.status, body: jsonOrText(parsed.body) }))
      return false
    }
    rest = Buffer.from(parsed.body)
    head = null
    resolve(raw)
    return false
  }

  const connection = await transport.connect(onBytes)
  const raw: RawConnection = {
    connection,
    flow: each => {
      consumer = each
      const first = rest
      rest = null
      if (first === null || first.length === 0 || each(first)) connection.resume()
    },
    resume: () => connection.resume(),
  }
  const timer = setTimeout(() => {
    reject(answerTimeout(transport.endpoint, Math.round(timeoutMs / 1000)))
  }, timeoutMs)
  const closed = (): void => {
    reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }))
  }
  connection.once('error', reject)
  connection.once('close', closed)
  connection.once('end', closed)
  connection.write(
    `POST ${path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
  )
  connection.write(body)
  try {
    return await promise
  } catch (error) {
    connection.on('error', () => undefined)
    connection.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    connection.off('error', reject)
    connection.off('close', closed)
    connection.off('end', closed)
  }
}

interface ParsedHead {
  readonly status: number
  /** What follows the head: for 101 the first bytes of the stream. */
  readonly body: Buffer
}

/** Pure. `incomplete` until the head is there, and for an error until its body is there too. */
export function parseHead(bytes: Buffer): ParsedHead | 'incomplete' {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return 'incomplete'
  const text = bytes.toString('latin1', 0, end)
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? Number.NaN)
  const body = bytes.subarray(end + 4)
  if (status === 101) return { status, body }
  const length = /^content-length: *(\d+)/im.exec(text)?.[1]
  if (length !== undefined) {
    return body.length < Number(length) ? 'incomplete' : { status, body }
  }
  if (/^transfer-encoding: *chunked/im.test(text)) {
    if (!body.includes('0\r\n\r\n')) return 'incomplete'
    return {
      status,
      body: Buffer.from(body.toString('latin1').replace(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '')),
    }
  }
  return { status, body }
}

function jsonOrText(body: Buffer): unknown {
  const text = body.toString('utf8').trim()
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
