import type { IncomingMessage } from 'node:http'

import type { Client, RequestName } from '../contract/contract.ts'
import { AppError, NOTHING_CHANGED, toWire, type WireError } from '../contract/errors.ts'

/** An answer as the page reads it, where a thrown error would lose all but its message. */
type Answer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: WireError }

/** No request of the contract comes near to this. */
const LARGEST_BODY = 4 * 1024 * 1024

/** Answers one request of the contract; what the body holds is checked by the engine. Never rejects. */
export async function answerTo(client: Client, request: IncomingMessage): Promise<Answer> {
  try {
    const { name, args } = (await readBody(request)) as { name: RequestName; args: never }
    return { ok: true, value: await client.call(name, args) }
  } catch (error) {
    return { ok: false, error: toWire(error) }
  }
}

async function readBody(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LARGEST_BODY) throw badRequest('The request is too large.')
    chunks.push(chunk)
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Said below, as for any other text that is no request.
  }
  throw badRequest('The request is no JSON object.')
}

function badRequest(message: string): AppError {
  return new AppError('usage', {
    message,
    state: NOTHING_CHANGED,
    hint: "Use Lifeboat's own page.",
  })
}
