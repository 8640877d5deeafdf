import { AppError, NOTHING_CHANGED } from '../../contract/errors.ts'
import type { DaemonInfo, HostSummary } from '../../contract/model.ts'
import { discoverHosts } from './discover.ts'
import { dockerHostOf } from './docker.ts'
import { ApiClient } from './docker/api-client.ts'
import { daemonInfo } from './docker/objects.ts'
import { openFolder } from './folder.ts'
import type { Host } from './host.ts'
import { HostError, problemOf } from './host-error.ts'
import { openTransport } from './open-transport.ts'
import type { HostDeps, ResolvedHost } from './resolve.ts'
import { resolveHost, untestedSummary } from './resolve.ts'

export type { HostDeps } from './resolve.ts'
export { trustHost } from './trust.ts'

/**
 * Opens a host by its id: `local`, a saved name, `context:NAME`, an address, `folder:/path`. The engine
 * was asked who it is; a saved host that is pinned to another engine is refused with `wrong-host`.
 * Rejects with `unknown-host`, `usage`, or with the layer that failed (`HostError`).
 */
export async function openHost(id: string, deps: HostDeps): Promise<Host> {
  return openResolved(await resolveHost(id, deps), deps)
}

async function openResolved(host: ResolvedHost, deps: HostDeps): Promise<Host> {
  const summary = untestedSummary(host)
  if (host.address.kind === 'folder') {
    return openFolder(host.address.path, { ...summary, state: 'ready' })
  }
  const api = new ApiClient(await openTransport(host, deps))
  try {
    const daemon = await daemonInfo(api)
    checkPin(host.label, host.daemonId, daemon)
    return dockerHostOf(api, { ...summary, state: 'ready', daemon })
  } catch (error) {
    await api.close()
    throw error
  }
}

/** How long a host may take to answer in a list, milliseconds. */
const TEST_LIMIT_MS = 20_000

/** A host with its state: ready, or unreachable with the failing layer. Rejects only when the id means nothing. */
export async function testHost(id: string, deps: HostDeps): Promise<HostSummary> {
  return testResolved(await resolveHost(id, deps), deps)
}

async function testResolved(host: ResolvedHost, deps: HostDeps): Promise<HostSummary> {
  const opening = openResolved(host, deps)
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(noAnswer(host)), TEST_LIMIT_MS)
  try {
    const opened = await Promise.race([opening, tooLate])
    await opened.close()
    return opened.summary
  } catch (error) {
    // Whatever opens after all is not wanted any more.
    opening.then(late => late.close()).catch(() => undefined)
    return { ...untestedSummary(host), state: 'unreachable', problem: problemOf(error) }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * All hosts that can be found without being typed, the default first, each with where it came from; with
 * `test` also with its state.
 */
export function listHosts(
  deps: HostDeps,
  options: { readonly test?: boolean } = {},
): Promise<readonly HostSummary[]> {
  return discoverHosts(deps, options.test === true ? host => testResolved(host, deps) : null)
}

/**
 * Asks the host anew which engine it is and refuses with `wrong-host` when it is not the expected one.
 * To be called right before every write. A null id expects nothing.
 */
export async function assertSameDaemon(host: Host, daemonId: string | null): Promise<void> {
  if (daemonId === null) return
  if (host.kind === 'folder') throw wrongHost(host.summary.label, daemonId, 'a folder')
  checkPin(host.summary.label, daemonId, await host.daemon())
}

function checkPin(label: string, daemonId: string | null, daemon: DaemonInfo): void {
  if (daemonId !== null && daemonId !== daemon.id) {
    throw wrongHost(label, daemonId, `${daemon.name} (${daemon.id})`)
  }
}

function wrongHost(label: string, expected: string, found: string): AppError {
  return new AppError('wrong-host', {
    message: `${label} is not the Docker engine that it was: another one answers under its address.`,
    state: NOTHING_CHANGED,
    hint: 'If the host was installed anew, remove the saved host and add it again; otherwise check where the address leads.',
    details: `expected engine ${expected}, found ${found}`,
  })
}

function noAnswer(host: ResolvedHost): HostError {
  return new HostError('host-unreachable', 'network', {
    message: `${host.label} did not answer within ${TEST_LIMIT_MS / 1000} seconds.`,
    state: NOTHING_CHANGED,
    hint: 'Check that the host is on and that you are in its network.',
  })
}
