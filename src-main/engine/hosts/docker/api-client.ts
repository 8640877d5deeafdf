import type { IncomingMessage } from 'node:http'
import http from 'node:http'
import type { Readable } from 'node:stream'

import { AppError, NOTHING_CHANGED } from '../../../contract/errors.ts'
import { interrupted } from '../../lib/interrupted.ts'
import { HostError } from '../host-error.ts'
import { answerTimeout, connectionError } from './connection-error.ts'
import type { RawConnection } from './raw-connection.ts'
import { NotUpgraded, openRaw } from './raw-connection.ts'
import type { Transport } from './transport.ts'

/** One call of the engine's API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Without version: `/containers/json`. Names in it are encoded by the caller. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly body?: unknown
  /** Status codes beside 2xx and 304 that are no error for the caller. */
  readonly accept?: readonly number[]
  /** How long the whole answer may take, milliseconds; default one minute. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface ApiAnswer {
  readonly status: number
  /** Parsed JSON, the text when it is none, or null when there is no body. */
  readonly body: unknown
}

/** The newest API version whose behaviour is tested; an older engine's own version is used. */
const NEWEST_API = [1, 45] as const
const DEFAULT_TIMEOUT_MS = 60_000
const LONGEST_STREAM_MS = 48 * 3600 * 1000

/**
 * A small client of the Docker Engine API over `node:http`: keep-alive connections from the given
 * transport, nothing read from the environment, every call with a time limit and a signal. See
 * docs/adr/0005-own-docker-client.md for why it is not dockerode.
 */
export class ApiClient {
  readonly #transport: Transport
  readonly #agent: http.Agent
  #version: Promise<string> | undefined

  constructor(transport: Transport) {
    this.#transport = transport
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: transport.maxConnections })
    this.#agent.createConnection = (_options, done) => {
      const connection = transport.connect()
      if (!(connection instanceof Promise)) return connection
      connection.then(
        socket => done?.(null, socket),
        (error: unknown) => done?.(error as Error, undefined as never),
      )
      return undefined
    }
  }

  get endpoint(): string {
    return this.#transport.endpoint
  }

  /** The API version in use: the engine's own, at most the newest that is tested. */
  version(): Promise<string> {
    this.#version ??= this.#negotiate().catch((error: unknown) => {
      this.#version = undefined
      throw error
    })
    return this.#version
  }

  /** Asks whether the engine is there. Rejects with the layer that failed. */
  async ping(timeoutMs: number): Promise<void> {
    await this.#exchange({ method: 'GET', path: '/_ping', timeoutMs }, '')
  }

  /** Makes a call. Rejects with an `AppError`: what the engine refuses is `failed` with its own words. */
  async request(request: ApiRequest): Promise<ApiAnswer> {
    const prefix = `/v${await this.version()}`
    const { message, text } = await this.#exchange(request, prefix)
    const status = message.statusCode ?? 0
    const body = parseBody(text)
    if ((status >= 200 && status < 300) || status === 304 || request.accept?.includes(status)) {
      return { status, body }
    }
    throw refusal(this.endpoint, request, status, body)
  }

  /** Like `request`, for answers whose shape the engine's API promises. */
  async json<T>(request: ApiRequest): Promise<T> {
    return (await this.request(request)).body as T
  }

  /** Makes a GET whose answer is read as it comes, however long that takes; it breaks when it is cut short. */
  async stream(
    request: Omit<ApiRequest, 'method' | 'body' | 'accept' | 'timeoutMs'>,
  ): Promise<Readable> {
    const whole = { ...request, method: 'GET', timeoutMs: LONGEST_STREAM_MS } as const
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const call = this.#send(whole, `/v${await this.version()}`, reject)
    call.once('response', resolve)
    try {
      const message = await promise
      if (message.statusCode === 200) return message
      const answer = { status: message.statusCode ?? 0, body: parseBody(await readText(message)) }
      throw this.refusal(whole, answer)
    } catch (error) {
      throw this.#explain(error)
    }
  }

  /** Makes a POST that turns a connection of its own into a raw two-way stream. */
  async hijack(request: Omit<ApiRequest, 'method' | 'accept' | 'signal'>): Promise<RawConnection> {
    const path = `/v${await this.version()}${request.path}${queryOf(request.query)}`
    const body = Buffer.from(JSON.stringify(request.body ?? {}))
    try {
      return await openRaw(this.#transport, path, body, request.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    } catch (error) {
      if (error instanceof NotUpgraded) {
        throw this.refusal({ method: 'POST', path: request.path }, error.answer)
      }
      throw this.#explain(error)
    }
  }

  /** The error for an answer that the caller had accepted in order to look at it. */
  refusal(request: Pick<ApiRequest, 'method' | 'path'>, answer: ApiAnswer): AppError {
    return refusal(this.endpoint, request, answer.status, answer.body)
  }

  /** Ends the idle connections and the transport. */
  async close(): Promise<void> {
    this.#agent.destroy()
    await this.#transport.close()
  }

  async #negotiate(): Promise<string> {
    const { message } = await this.#exchange(
      { method: 'GET', path: '/_ping', timeoutMs: 30_000 },
      '',
    )
    const theirs = /^(\d+)\.(\d+)$/.exec(String(message.headers['api-version'] ?? ''))
    if (theirs === null) {
      throw new HostError('docker-missing', 'docker-missing', {
        message: `What answers at ${this.endpoint} is not a Docker engine.`,
        state: NOTHING_CHANGED,
        hint: 'Check the address of the host.',
      })
    }
    const [major, minor] = [Number(theirs[1]), Number(theirs[2])]
    const newer = major > NEWEST_API[0] || (major === NEWEST_API[0] && minor > NEWEST_API[1])
    return newer ? NEWEST_API.join('.') : `${major}.${minor}`
  }

  async #exchange(
    request: ApiRequest,
    prefix: string,
    retried = false,
  ): Promise<{ readonly message: IncomingMessage; readonly text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const call = this.#send(request, prefix, reject)
    call.once('response', resolve)
    try {
      const message = await promise
      return { message, text: await readText(message) }
    } catch (error) {
      // An idle connection that the engine closed meanwhile (it was restarted): asking again is safe.
      const stale = call.reusedSocket && (error as { code?: unknown }).code === 'ECONNRESET'
      if (stale && request.method === 'GET' && !retried)
        return this.#exchange(request, prefix, true)
      throw this.#explain(error)
    }
  }

  #send(request: ApiRequest, prefix: string, fail: (error: unknown) => void): http.ClientRequest {
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
    const call = http.request({
      agent: this.#agent,
      method: request.method,
      host: 'docker',
      path: `${prefix}${request.path}${queryOf(request.query)}`,
      headers:
        body === undefined
          ? {}
          : { 'Content-Type': 'application/json', 'Content-Length': String(body.length) },
    })
    const timer = setTimeout(() => {
      call.destroy(answerTimeout(this.endpoint, Math.round(timeoutMs / 1000)))
    }, timeoutMs)
    const abort = (): void => {
      call.destroy(interrupted())
    }
    if (request.signal?.aborted === true) abort()
    request.signal?.addEventListener('abort', abort, { once: true })
    call.once('close', () => {
      clearTimeout(timer)
      request.signal?.removeEventListener('abort', abort)
    })
    call.on('error', fail)
    call.end(body)
    return call
  }

  #explain(error: unknown): AppError {
    if (error instanceof AppError) return error
    return this.#transport.explain(error) ?? connectionError(this.endpoint, error)
  }
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function parseBody(text: string): unknown {
  if (text === '') return null
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function queryOf(query: ApiRequest['query']): string {
  if (query === undefined) return ''
  const pairs = Object.entries(query).map(([name, value]): [string, string] => [
    name,
    String(value),
  ])
  return `?${new URLSearchParams(pairs).toString()}`
}

/** The engine's own words in an error answer. */
export function engineMessage(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message)
  return typeof body === 'string' ? body.trim() : 'no reason given'
}

function refusal(
  endpoint: string,
  request: Pick<ApiRequest, 'method' | 'path'>,
  status: number,
  body: unknown,
): AppError {
  const reason = engineMessage(body)
  const details = `${request.method} ${request.path}: HTTP ${status}: ${reason}`
  if (status === 401 || status === 403) {
    return new HostError('docker-permission', 'docker-permission', {
      message: `The Docker engine at ${endpoint} does not let Lifeboat do this: ${reason}.`,
      state: NOTHING_CHANGED,
      hint: 'Allow the call in the proxy or authorization plug-in in front of the engine, or use its socket.',
      details,
    })
  }
  return new AppError('failed', {
    message: `The Docker engine refused: ${reason}.`,
    state: 'What was done before this is unchanged.',
    hint: 'Fix what the engine names, then run the command again.',
    details,
  })
}
