import { setTimeout as delay } from 'node:timers/promises'

import { AppError } from '../../../contract/errors.ts'
import type { ContainerDefinition } from '../host.ts'
import type { ApiClient } from './api-client.ts'
import { engineMessage } from './api-client.ts'
import { containerDefinition } from './definitions.ts'
import { containerGone } from './exec-session.ts'

/** How many answers are asked for at once: quick on a slow line, gentle to a small host. */
const PARALLEL = 6

/** Applies `work` to each, a few at a time, in order. */
export async function mapSome<T, R>(
  list: readonly T[],
  work: (each: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const index = next++
      results[index] = await work(list[index] as T)
    }
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, list.length) }, worker))
  return results
}

async function inspect(api: ApiClient, id: string): Promise<ContainerDefinition | string> {
  const answer = await api.request({
    method: 'GET',
    path: `/containers/${encodeURIComponent(id)}/json`,
    accept: [404],
  })
  return answer.status === 404 ? engineMessage(answer.body) : containerDefinition(answer.body)
}

/** All containers, stopped ones too, optionally only those with a label. */
export async function listContainers(
  api: ApiClient,
  label?: string,
): Promise<readonly ContainerDefinition[]> {
  const list = await api.json<readonly { readonly Id: string }[]>({
    method: 'GET',
    path: '/containers/json',
    query: {
      all: true,
      ...(label === undefined ? {} : { filters: JSON.stringify({ label: [label] }) }),
    },
  })
  const definitions = await mapSome(list, ({ Id }) => inspect(api, Id))
  // What was removed between the list and the question is simply not there.
  return definitions.filter(each => typeof each !== 'string')
}

/** Rejects with `container-gone`. */
export async function inspectContainer(api: ApiClient, id: string): Promise<ContainerDefinition> {
  const found = await inspect(api, id)
  if (typeof found === 'string') throw containerGone(`container ${id.slice(0, 12)}`, found)
  return found
}

/**
 * Paths that were added or changed in the container's own layer, in the engine's order; empty when the
 * engine cannot tell.
 */
export async function containerChanges(api: ApiClient, id: string): Promise<readonly string[]> {
  const answer = await api.request({
    method: 'GET',
    path: `/containers/${encodeURIComponent(id)}/changes`,
    accept: [404, 409, 500, 501],
  })
  if (answer.status >= 400 || answer.body === null) return []
  const REMOVED = 2
  return (answer.body as readonly { readonly Path: string; readonly Kind: number }[])
    .filter(change => change.Kind !== REMOVED)
    .map(change => change.Path)
}

async function act(
  api: ApiClient,
  id: string,
  action: 'start' | 'stop' | 'pause' | 'unpause',
  query: Record<string, number>,
  timeoutMs: number,
  alreadySo?: RegExp,
): Promise<void> {
  const path = `/containers/${encodeURIComponent(id)}/${action}`
  const answer = await api.request({
    method: 'POST',
    path,
    query,
    timeoutMs,
    accept: [404, 409, 500],
  })
  if (answer.status === 404) {
    throw containerGone(`container ${id.slice(0, 12)}`, engineMessage(answer.body))
  }
  if (answer.status < 400 || alreadySo?.test(engineMessage(answer.body)) === true) return
  throw api.refusal({ method: 'POST', path }, answer)
}

const MINUTE_MS = 60_000

export function startContainer(api: ApiClient, id: string): Promise<void> {
  return act(api, id, 'start', {}, 3 * MINUTE_MS)
}

/** Resolves when the container is stopped: by its own will within `graceMs`, else killed by the engine. */
export function stopContainer(api: ApiClient, id: string, graceMs: number): Promise<void> {
  return act(api, id, 'stop', { t: Math.ceil(graceMs / 1000) }, graceMs + 2 * MINUTE_MS)
}

const FREEZE_TRIES = 5
const FREEZE_PAUSE_MS = 300

/**
 * Quiet when it is paused already. A process that is being started in the container (a health check), or that
 * waits for a disk, can keep the kernel from freezing the others: the engine then lets all go on, and the next
 * try works.
 */
export async function pauseContainer(api: ApiClient, id: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await act(api, id, 'pause', {}, MINUTE_MS, /already paused/i)
      return
    } catch (error) {
      const mayWork = error instanceof AppError && /unable to freeze/i.test(error.message)
      if (!mayWork || tries === FREEZE_TRIES) throw error
      await delay(FREEZE_PAUSE_MS)
    }
  }
}

/** Quiet when it is not paused. */
export function unpauseContainer(api: ApiClient, id: string): Promise<void> {
  return act(api, id, 'unpause', {}, MINUTE_MS, /not paused/i)
}

/** Kills and removes a container with its anonymous volumes; quiet when it is gone. Resolves when it is gone. */
export async function forceRemove(api: ApiClient, id: string): Promise<void> {
  const path = `/containers/${encodeURIComponent(id)}`
  const answer = await api.request({
    method: 'DELETE',
    path,
    query: { force: true, v: true },
    accept: [404, 409],
  })
  if (answer.status !== 409) return
  if (!/already in progress/i.test(engineMessage(answer.body))) {
    throw api.refusal({ method: 'DELETE', path }, answer)
  }
  const deadline = Date.now() + MINUTE_MS
  while (typeof (await inspect(api, id)) !== 'string') {
    if (Date.now() > deadline) throw api.refusal({ method: 'DELETE', path }, answer)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
