import type { IncomingMessage } from 'node:http'

import { type Answer, answerTo } from '../contract/answer.ts'
import type { Client } from '../contract/contract.ts'
import { AppError, NOTHING_CHANGED, toWire } from '../contract/errors.ts'

/** No request of the contract comes near to this. */
const LARGEST_BODY = 4 * 1024 * 1024

/** Answers one request of the contract; what the body holds is checked by the engine. Never rejects. */
export async function answerRequest(client: Client, request: IncomingMessage): Promise<Answer> {
  let body: { readonly name?: unknown; readonly args?: unknown }
  try {
    body = await readBody(request)
  } catch (error) {
    return { ok: false, error: toWire(error) }
  }
  return answerTo(client, body.name, body.args)
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
