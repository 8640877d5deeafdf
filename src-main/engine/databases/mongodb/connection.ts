import { randomInt } from 'node:crypto'

import { type Document, Long, serialize } from 'bson'

import { AppError } from '../../../contract/errors.ts'
import type { CommandPlace, RunningCommand } from '../../lib/command.ts'
import { type CarrierName, carriers } from './carrier.ts'
import {
  assemble,
  BsonDamage,
  numberField,
  rawDocument,
  rawField,
  rawFields,
  textField,
} from './raw-bson.ts'
import { decodeMessage, type DocumentSequence, encodeMessage, MessageCutter } from './wire.ts'

/** What the server answered with instead of a result; the connection goes on. */
export class ServerError extends Error {
  /** MongoDB's number of the error. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'ServerError'
    this.code = code
  }
}

/** Numbers of MongoDB's errors that are handled by what they mean. */
export const serverErrors = {
  unauthorized: 13,
  namespaceNotFound: 26,
  maxTimeExpired: 50,
} as const

/** How a server is reached. */
export interface Way {
  readonly place: CommandPlace
  readonly carrier: CarrierName
  readonly port: number
}

interface Waiter {
  resolve(body: Buffer): void
  reject(error: unknown): void
}

interface Cursor {
  /** Zero when there is no more. */
  readonly id: Long
  readonly collection: string
  readonly batch: readonly Buffer[]
}

function cursorOf(answer: Buffer): Cursor {
  const cursor = rawDocument(answer, 'cursor')
  if (cursor === null) throw new BsonDamage()
  const id = rawField(cursor, 'id')?.value
  const namespace = textField(cursor, 'ns')
  const batch = rawDocument(cursor, 'firstBatch') ?? rawDocument(cursor, 'nextBatch')
  if (id?.length !== 8 || namespace === null || batch === null) throw new BsonDamage()
  return {
    id: Long.fromBytesLE([...id]),
    collection: namespace.slice(namespace.indexOf('.') + 1),
    batch: [...rawFields(batch)].map(field => field.value),
  }
}

/**
 * One connection to a MongoDB server over a command in its container. The driver of MongoDB opens its
 * sockets itself and takes no stream, and it takes every document apart; here documents stay the bytes
 * that the server sent, each message with its checksum.
 */
export class Connection {
  readonly #running: RunningCommand
  readonly #where: string
  readonly #signal: AbortSignal | undefined
  readonly #waiting = new Map<number, Waiter>()
  readonly #ended: Promise<void>
  #over: unknown = null
  #nextId = randomInt(1_000_000)

  private constructor(running: RunningCommand, where: string, signal: AbortSignal | undefined) {
    this.#running = running
    this.#where = where
    this.#signal = signal
    running.stdin?.on('error', () => {
      // A server that went away shows itself at the end of the output.
    })
    this.#ended = this.#read()
  }

  static async open({ place, carrier, port }: Way, signal?: AbortSignal): Promise<Connection> {
    const options = { stdin: 'pipe', ...(signal === undefined ? {} : { signal }) } as const
    const running = await place.start(carriers[carrier](port), options)
    return new Connection(running, place.description, signal)
  }

  /**
   * Runs one command, BSON or what becomes it, and resolves with its answer's bytes. Commands are answered in order; several may be
   * on their way. Rejects with `ServerError`, or `command-failed` when the connection ended.
   */
  async run(
    database: string,
    command: Document | Buffer,
    sequence?: DocumentSequence,
  ): Promise<Buffer> {
    const fields = Buffer.isBuffer(command) ? command : Buffer.from(serialize(command))
    // As drivers ask a server that they were told to ask, whichever part of a replica set it is.
    const common = { $db: database, $readPreference: { mode: 'primaryPreferred' } }
    const body = assemble([...rawFields(fields), ...rawFields(Buffer.from(serialize(common)))])
    const answer = await this.#send(body, sequence)
    if (numberField(answer, 'ok') === 1) return answer
    throw new ServerError(numberField(answer, 'code') ?? 0, textField(answer, 'errmsg') ?? '')
  }

  /** Runs a command that answers with a cursor, and all that follows; yields the documents in batches. */
  async *documents(database: string, command: Document): AsyncGenerator<readonly Buffer[]> {
    const batchSize = (command as { readonly batchSize?: number }).batchSize
    let cursor = cursorOf(await this.run(database, command))
    let whole = false
    try {
      for (;;) {
        const { id, collection, batch } = cursor
        // The next batch is on its way while this one is used.
        const next = id.isZero()
          ? null
          : this.run(database, {
              getMore: id,
              collection,
              ...(batchSize === undefined ? {} : { batchSize }),
            })
        next?.catch(() => undefined)
        if (batch.length > 0) yield batch
        if (next === null) break
        cursor = cursorOf(await next)
      }
      whole = true
    } finally {
      // Who stops early leaves nothing open on the server.
      const { id, collection } = cursor
      if (!whole && !id.isZero()) {
        const kill = { killCursors: collection, cursors: [id] }
        await this.run(database, kill).catch(() => undefined)
      }
    }
  }

  /** All documents of a command that answers with a cursor. */
  async list(database: string, command: Document): Promise<readonly Buffer[]> {
    const all: Buffer[] = []
    for await (const batch of this.documents(database, command)) all.push(...batch)
    return all
  }

  /** Ends the connection and waits until its processes are gone. Safe to call twice. */
  async close(): Promise<void> {
    this.#running.stdin?.end()
    const settled = await Promise.race([
      this.#ended.then(() => true),
      new Promise<false>(resolve => setTimeout(resolve, 2000, false).unref()),
    ])
    if (!settled) await this.#running.kill()
    await this.#running.result.catch(() => undefined)
  }

  async #send(body: Uint8Array, sequence?: DocumentSequence): Promise<Buffer> {
    if (this.#over !== null) throw await this.#gone()
    const id = this.#nextId
    this.#nextId = (this.#nextId + 1) % 0x7fff_ffff
    const answer = new Promise<Buffer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
    })
    answer.catch(() => undefined)
    for (const piece of encodeMessage(id, body, sequence)) this.#running.stdin?.write(piece)
    return answer
  }

  async #read(): Promise<void> {
    const cutter = new MessageCutter()
    try {
      for await (const chunk of this.#running.stdout as AsyncIterable<Buffer>) {
        for (const message of cutter.push(chunk)) {
          const { responseTo, body } = decodeMessage(message)
          this.#waiting.get(responseTo)?.resolve(body)
          this.#waiting.delete(responseTo)
        }
      }
      this.#over = 'ended'
    } catch (error) {
      this.#over = error
      void this.#running.kill().catch(() => undefined)
    }
    if (this.#waiting.size === 0) return
    const gone = await this.#gone()
    for (const { reject } of this.#waiting.values()) reject(gone)
    this.#waiting.clear()
  }

  async #gone(): Promise<unknown> {
    if (this.#signal?.aborted === true) return this.#signal.reason
    const result = await this.#running.result.catch((error: unknown) => error)
    if (result instanceof AppError) return result
    const { exitCode, stderr } = result as { exitCode: number | null; stderr: string }
    return new AppError(
      'command-failed',
      {
        message: `The connection to the MongoDB server in ${this.#where} ended (exit code ${String(exitCode)}).`,
        state:
          'What was not finished was taken back by the database itself, or is removed at the next start.',
        hint: 'Look into the log of the database’s container, then run the command again.',
        details: stderr,
      },
      this.#over,
    )
  }
}
