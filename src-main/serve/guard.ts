import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Who may talk to the server: the browser that opened the link, from our own page, and nobody else. */
export interface Guard {
  /** Opens the server to one browser, once. */
  readonly token: string
  /**
   * True for a request that was meant for this server: another name would be a page elsewhere whose name was
   * pointed at this computer (DNS rebinding), another origin a page elsewhere that tries its luck.
   */
  isForUs(request: IncomingMessage): boolean
  /** The cookie for the browser that shows the token for the first time; null for everybody else. */
  letIn(token: string): string | null
  /** True for the browser that was let in. */
  knows(request: IncomingMessage): boolean
}

/** A guard for a server on 127.0.0.1. */
export function makeGuard(port: number): Guard {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  // Cookies do not tell ports apart: two servers must not overwrite each other's.
  const cookieName = `lifeboat-${port}`
  const token = randomBytes(24).toString('base64url')
  const session = randomBytes(24).toString('base64url')
  let wasUsed = false

  return {
    token,
    isForUs({ headers, method }) {
      const host = headers.host ?? ''
      if (!hosts.includes(host)) return false
      const isReading = method === 'GET' || method === 'HEAD'
      if (headers.origin === undefined) return isReading
      return headers.origin === `http://${host}`
    },
    letIn(shown) {
      if (wasUsed || !equal(shown, token)) return null
      wasUsed = true
      return `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`
    },
    knows({ headers }) {
      const cookies = (headers.cookie ?? '').split(';').map(each => each.trim())
      return cookies.some(each => equal(each, `${cookieName}=${session}`))
    },
  }
}

/** Compares without telling by its time how much was right. */
function equal(a: string, b: string): boolean {
  const [left, right] = [a, b].map(each => createHash('sha256').update(each).digest())
  return left !== undefined && right !== undefined && timingSafeEqual(left, right)
}
