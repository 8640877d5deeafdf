import { setTimeout as delay } from 'node:timers/promises'

import type { ContainerDefinition, DockerHost } from '../hosts/host.ts'

export interface HealthInput {
  /** Null on a folder host: only the URL counts. */
  readonly host: DockerHost | null
  /** Containers that must run. */
  readonly containers: readonly { readonly id: string; readonly service: string }[]
  readonly url: string | null
  readonly timeoutMs: number
  /** How long a container without a health check must run without a restart. */
  readonly steadyMs: number
  readonly signal: AbortSignal
}

export interface HealthResult {
  readonly ok: boolean
  /** One sentence. */
  readonly detail: string
}

const POLL_MS = 500
const URL_LIMIT_MS = 5_000

/**
 * Waits until all services are healthy: by the container's own health check where it has one, else by
 * running steadily; and until the URL answers with success, when there is one. Rejects only when the signal
 * is aborted or the host is gone.
 */
export async function awaitHealth(input: HealthInput): Promise<HealthResult> {
  const { host, containers, url, timeoutMs, steadyMs, signal } = input
  const started = performance.now()
  const since = new Map<string, { readonly startedAt: string | null; readonly from: number }>()
  for (;;) {
    signal.throwIfAborted()
    const waiting: string[] = []
    for (const { id, service } of containers) {
      if (host === null) break
      const now = await host.container(id)
      const verdict = judge(now, steadyFor(now), steadyMs)
      if (verdict === 'failed') return { ok: false, detail: `${service} ${whyFailed(now)}.` }
      if (verdict !== 'ok') waiting.push(`${service} ${verdict}`)
    }
    const problem = url === null || waiting.length > 0 ? null : await askUrl(url, signal)
    if (problem !== null) waiting.push(problem)
    if (waiting.length === 0) return { ok: true, detail: goodDetail(input, started) }
    if (performance.now() - started >= timeoutMs) {
      const seconds = Math.round(timeoutMs / 1000)
      return { ok: false, detail: `Not healthy within ${seconds} s: ${waiting.join('; ')}.` }
    }
    await delay(POLL_MS, undefined, { signal })
  }

  function steadyFor(now: ContainerDefinition): number {
    const known = since.get(now.id)
    if (known !== undefined && known.startedAt === now.startedAt && now.state === 'running') {
      return performance.now() - known.from
    }
    since.set(now.id, { startedAt: now.startedAt, from: performance.now() })
    return 0
  }
}

/** `ok`, `failed` (waiting longer changes nothing), or what is waited for. */
function judge(now: ContainerDefinition, steadyFor: number, steadyMs: number): string {
  if (now.state === 'exited' || now.state === 'dead') {
    // A job that has done its work; and one that its engine starts again is waited for.
    if (now.exitCode === 0 && isNotRestarted(now)) return 'ok'
    return isNotRestarted(now) ? 'failed' : 'has stopped'
  }
  if (now.state !== 'running') return `is ${now.state}`
  if (now.health !== null) return now.health === 'healthy' ? 'ok' : `is ${now.health}`
  return steadyFor >= steadyMs ? 'ok' : 'has not run long enough to tell'
}

function isNotRestarted({ restartPolicy, exitCode }: ContainerDefinition): boolean {
  return (
    restartPolicy === '' ||
    restartPolicy === 'no' ||
    (restartPolicy === 'on-failure' && exitCode === 0)
  )
}

function whyFailed(now: ContainerDefinition): string {
  return now.exitCode === null ? 'does not run' : `ended with exit code ${now.exitCode}`
}

async function askUrl(url: string, signal: AbortSignal): Promise<string | null> {
  const { address, headers } = withoutLogin(url)
  try {
    const answer = await fetch(address, {
      redirect: 'manual',
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(URL_LIMIT_MS)]),
    })
    await answer.body?.cancel()
    return answer.status >= 200 && answer.status < 400
      ? null
      : `${address} answers ${answer.status}`
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return `${address} does not answer (${cause instanceof Error ? cause.message : String(cause)})`
  }
}

/** A login in the URL goes into a header, where it belongs, and into no message. */
function withoutLogin(url: string): {
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
} {
  const parsed = new URL(url)
  if (parsed.username === '' && parsed.password === '') return { address: url, headers: {} }
  const login = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`
  parsed.username = ''
  parsed.password = ''
  return {
    address: parsed.href,
    headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
  }
}

function goodDetail({ host, containers, url }: HealthInput, started: number): string {
  if (containers.length === 0 && url === null) {
    return host === null
      ? 'There is no service here to start or to watch.'
      : 'No service ran when the snapshot was taken, so none was started.'
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const services = containers.length
  const good = [
    ...(services === 0
      ? []
      : [services === 1 ? '1 service is healthy' : `${services} services are healthy`]),
    ...(url === null ? [] : [`${withoutLogin(url).address} answers`]),
  ]
  return `${good.join(', ')}, after ${seconds} s.`
}
